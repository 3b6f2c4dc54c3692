import { MessagesSquare } from 'lucide-react';
import { fullTime, listTime } from '@/app/i18n/dates';
import { useText } from '@/app/i18n/i18n';
import { useUi } from '@/store/ui';
import type { MessageItem } from '@/types';
import { useThreadUnread } from './useThreadUnread';
import './thread-line.css';

/** Under a message: how many replies stand in its thread, and when the last one came. A press opens it. */
export function ThreadLine({ item, conversationId }: { item: MessageItem; conversationId: string }) {
  const t = useText();
  const setThread = useUi((ui) => ui.setThread);
  const unread = useThreadUnread(item.messageId);
  const { replies, messageId, seq } = item;
  if (replies === null || messageId === null || seq === null) return null;
  const { count, lastAtMs } = replies;
  const time = listTime(lastAtMs);
  return (
    <button
      type="button"
      className="thread-line"
      tabIndex={-1}
      data-unread={unread > 0 || undefined}
      title={fullTime(lastAtMs)}
      onClick={() => setThread({ conversationId, root: { messageId, seq } })}
    >
      <MessagesSquare size={15} strokeWidth={1.85} aria-hidden />
      <strong>{t('thread.replies', { count })}</strong>
      <span className="numbers">{t('thread.last', { time })}</span>
      {unread > 0 && <span className="visually-hidden">{t('thread.unread', { count: unread })}</span>}
    </button>
  );
}
