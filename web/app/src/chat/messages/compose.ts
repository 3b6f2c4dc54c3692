import { useUi } from '@/store/ui';
import type { MessageItem } from '@/types';
import type { Row } from './grouping';

/** Whether it is a text of one's own that is in the log. */
export function isEditable(item: MessageItem, mine: boolean): boolean {
  return mine && item.state === 'sent' && item.messageId !== null && item.seq !== null && item.body.type === 'text';
}

/** What the composer can do with a message; absent where it cannot. `inThread`: the root of the thread in which it is shown. */
export function composeFor(row: Row, conversationId: string, inThread?: string): { reply?: () => void; edit?: () => void } {
  if (row.kind !== 'message' || row.item.messageId === null || row.item.seq === null || row.item.state !== 'sent') return {};
  const { messageId, seq, body } = row.item;
  if (body.type === 'erased') return {};
  const { setCompose } = useUi.getState();
  const message = { messageId, seq };
  const at = { conversationId, message, ...(inThread === undefined ? {} : { thread: inThread }) };
  const reply = () => setCompose({ kind: 'reply', ...at });
  if (body.type !== 'text' || !isEditable(row.item, row.mine)) return { reply };
  return { reply, edit: () => setCompose({ kind: 'edit', ...at, text: body.text }) };
}

/** Asks whether to delete the message; absent where there is none to delete. `moderates`: the person may delete what others wrote. */
export function deletionOf(row: Row, conversationId: string, moderates: boolean): (() => void) | undefined {
  if (row.kind !== 'message' || row.item.state !== 'sent') return undefined;
  const { messageId, seq, body } = row.item;
  if (messageId === null || seq === null) return undefined;
  const forEveryone = (row.mine || moderates) && body.type !== 'erased';
  const { show } = useUi.getState();
  return () => show({ type: 'delete-message', conversationId, message: { messageId, seq }, mine: row.mine, forEveryone });
}
