import type { ConversationId, Seq } from '../api/ids.ts';
import { isKnownEvent, type KnownEvent, type MessageSent, type ServerEvent } from '../wire/events.ts';
import { edited, erased, hidden } from './history.ts';
import { reacted } from './reactions.ts';
import type { Tx } from './store.ts';
import { isReplyInThread, replied, type ThreadReply, unreplied } from './threads.ts';

/** Events that change what an earlier message says, how people react to it, or whether it shows. */
const CHANGING: readonly KnownEvent['type'][] = ['MESSAGE_ERASED', 'MESSAGE_EDITED', 'MESSAGE_REACTED', 'MESSAGE_HIDDEN'];

/** An event that changes the message at `message_seq`. */
type Changing = Extract<KnownEvent, { type: 'MESSAGE_ERASED' | 'MESSAGE_EDITED' | 'MESSAGE_REACTED' | 'MESSAGE_HIDDEN' }>;
/** That, or a reply, which counts at its thread's root; so does the erasure of one. */
export type Amending = Changing | ThreadReply;

export function isAmending(event: ServerEvent): event is Amending {
  return isReplyInThread(event) || (isKnownEvent(event) && CHANGING.includes(event.type));
}

/** The places of the messages that it changes. */
export function placesOf(by: Amending): readonly Seq[] {
  if (by.type === 'MESSAGE_SENT') return [by.thread.seq];
  return by.type === 'MESSAGE_ERASED' && by.thread ? [by.message_seq, by.thread.seq] : [by.message_seq];
}

/** The message as it is after that event; the same object where that changes nothing. Which of two comes first does not matter. */
function after(message: MessageSent, by: Amending): MessageSent {
  if (by.type === 'MESSAGE_SENT') return replied(message, by);
  if (by.type === 'MESSAGE_EDITED') return edited(message, by);
  if (by.type === 'MESSAGE_REACTED') return reacted(message, by);
  if (message.message_id !== by.message_id) return by.type === 'MESSAGE_ERASED' ? unreplied(message, by) : message;
  if (by.type === 'MESSAGE_HIDDEN') return message.hidden ? message : hidden(message);
  return message.body.type === 'erased' ? message : erased(message);
}

/** The events as they are after others, which may be any. Those that nothing changes are the same objects. */
export function amended(events: readonly ServerEvent[], others: readonly ServerEvent[]): readonly ServerEvent[] {
  const amending = others.filter(isAmending);
  if (amending.length === 0) return events;
  const changed = new Set(amending.flatMap(placesOf));
  return events.map((event) => {
    if (event.type !== 'MESSAGE_SENT' || !changed.has(event.seq)) return event;
    return amending.filter((by) => placesOf(by).includes(event.seq)).reduce(after, event as MessageSent);
  });
}

/** The place of the newest event that is stored of a conversation; 0 where none is. */
export async function newestStored(tx: Tx, conversation: ConversationId): Promise<Seq> {
  const [page] = await tx.range('pages', { name: conversation, from: 0, to: Number.MAX_SAFE_INTEGER, begin: 'last', limit: 1 });
  return (page?.value as readonly ServerEvent[] | undefined)?.at(-1)?.seq ?? 0;
}

/** What the server read a moment ago, as it is after what was stored behind `since` meanwhile. */
export async function amendedSince(
  tx: Tx,
  conversation: ConversationId,
  since: Seq,
  events: readonly ServerEvent[],
): Promise<readonly ServerEvent[]> {
  const holder = await tx.range('pages', { name: conversation, from: 0, to: since, begin: 'last', limit: 1 });
  const to = Number.MAX_SAFE_INTEGER;
  const behind = await tx.range('pages', { name: conversation, from: since + 1, to, begin: 'first', limit: to });
  const stored = [...holder, ...behind].flatMap((page) => page.value as readonly ServerEvent[]);
  const gone = ((await tx.get('meta', 'hidden')) as readonly ServerEvent[] | undefined) ?? [];
  return amended(events, [...stored.filter(({ seq }) => seq > since), ...gone]);
}
