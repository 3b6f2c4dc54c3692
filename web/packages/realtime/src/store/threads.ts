import type { MessageErased, MessageSent } from '../wire/events.ts';

/** People who are named beside a count, as the server does it. */
const MOST_NAMED = 5;

/** A message in a thread. */
export type ThreadReply = MessageSent & { readonly thread: NonNullable<MessageSent['thread']> };

/** Whether it stands in a thread, and not in its conversation's timeline. */
export function isReplyInThread(event: { readonly type: string }): event is ThreadReply {
  return event.type === 'MESSAGE_SENT' && (event as MessageSent).thread != null;
}

/** The root after a reply; the same object where that is counted already, or is in another thread. */
export function replied(root: MessageSent, reply: ThreadReply): MessageSent {
  const { replies } = root;
  if (reply.thread.message_id !== root.message_id || (replies?.upto_seq ?? 0) >= reply.seq) return root;
  const by = replies?.by ?? [];
  const named = by.includes(reply.actor_id) || by.length >= MOST_NAMED ? by : [...by, reply.actor_id];
  const place = { last_seq: reply.seq, last_at_ms: reply.at_ms, upto_seq: reply.seq };
  return { ...root, replies: { count: (replies?.count ?? 0) + 1, by: [...named], ...place } };
}

/** The root after a reply was deleted. Which one is the newest now, and who is named, is known when it is read anew. */
export function unreplied(root: MessageSent, erased: MessageErased): MessageSent {
  const { replies } = root;
  if (!replies || erased.thread?.message_id !== root.message_id || replies.upto_seq >= erased.seq) return root;
  const count = Math.max(0, replies.count - 1);
  return { ...root, replies: count === 0 ? null : { ...replies, count, upto_seq: erased.seq } };
}
