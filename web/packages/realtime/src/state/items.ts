import type { UserId } from '../api/ids.ts';
import type { ChangeItem, ConversationChange, MessageItem, Replies, TimelineItem } from '../api/messages.ts';
import { afterSaid } from '../store/reactions.ts';
import { conversationOf, isKnownEvent, type KnownEvent, type MessageSent, type ServerEvent } from '../wire/events.ts';
import type { OutboxRecord } from './records.ts';

/** A message's key: unique in its conversation, the same from the outbox to the log. */
function keyOf(senderId: UserId, clientId: string): string {
  return `${senderId}/${clientId}`;
}

export function messageItem(event: MessageSent): MessageItem {
  return {
    kind: 'message',
    key: keyOf(event.actor_id, event.client_id),
    conversationId: event.conversation_id,
    seq: event.seq,
    messageId: event.message_id,
    clientId: event.client_id,
    senderId: event.actor_id,
    atMs: event.at_ms,
    body: event.body,
    replyTo: event.reply_to ? { messageId: event.reply_to.message_id, seq: event.reply_to.seq } : null,
    edited: typeof event.edited_seq === 'number' ? { seq: event.edited_seq, atMs: event.edited_at_ms ?? event.at_ms } : null,
    editing: null,
    reactions: event.reactions ?? [],
    thread: event.thread ? { messageId: event.thread.message_id, seq: event.thread.seq } : null,
    replies: repliesOf(event),
    state: 'sent',
    error: null,
  };
}

function repliesOf({ replies }: MessageSent): Replies | null {
  if (!replies) return null;
  return { count: replies.count, lastSeq: replies.last_seq, lastAtMs: replies.last_at_ms, by: replies.by };
}

/** The message with what waits of it. */
export function withWaiting(
  item: MessageItem,
  edit: OutboxRecord | undefined,
  reactions: Iterable<OutboxRecord> | undefined,
  me: UserId,
): MessageItem {
  const reacted = reactions === undefined ? item : withReactions(item, reactions, me);
  return edit === undefined ? reacted : withEdit(reacted, edit);
}

/** The message as its sender wants it to be: with the edit that waits. */
export function withEdit(item: MessageItem, edit: OutboxRecord): MessageItem {
  if (item.body.type === 'erased' || (edit.ack !== null && (item.edited?.seq ?? 0) >= edit.ack.seq)) return item;
  const state = edit.state === 'failed' ? 'failed' : 'pending';
  const edited = edit.ack === null ? item.edited : { seq: edit.ack.seq, atMs: edit.ack.atMs };
  // What failed is for the person to decide; others see the message as it was.
  const body = state === 'failed' ? item.body : edit.body;
  const editing =
    edit.ack === null ? ({ clientId: edit.clientId, state, error: edit.error, deletes: edit.deletes === true } as const) : null;
  return { ...item, body, edited, editing };
}

/** The message with one's own reactions that wait, in the order in which they go out. What was counted meanwhile is not in there twice. */
export function withReactions(item: MessageItem, waiting: Iterable<OutboxRecord>, me: UserId): MessageItem {
  if (item.body.type === 'erased') return item;
  let { reactions } = item;
  for (const { reacts, state } of waiting)
    if (reacts && state !== 'failed') reactions = afterSaid(reactions, { user: me, isMe: true, emoji: reacts.emoji, on: reacts.on });
  return reactions === item.reactions ? item : { ...item, reactions };
}

export function outboxItem(record: OutboxRecord, me: UserId): MessageItem {
  return {
    kind: 'message',
    key: keyOf(me, record.clientId),
    conversationId: record.conversationId,
    seq: record.ack?.seq ?? null,
    messageId: record.ack?.messageId ?? null,
    clientId: record.clientId,
    senderId: me,
    atMs: record.ack?.atMs ?? record.atMs,
    body: record.body,
    replyTo: record.replyTo ?? null,
    edited: null,
    editing: null,
    reactions: [],
    thread: record.thread ?? null,
    replies: null,
    state: record.state === 'acked' ? 'sent' : record.state === 'failed' ? 'failed' : 'pending',
    error: record.error,
  };
}

const items = new WeakMap<ServerEvent, TimelineItem | typeof NOTHING>();
const NOTHING = Symbol('nothing to show');

/** The row of an event, the same object for the same event; null for what is not shown. */
export function itemOf(event: ServerEvent): TimelineItem | null {
  let item = items.get(event);
  if (item === undefined) {
    item = makeItem(event) ?? NOTHING;
    items.set(event, item);
  }
  return item === NOTHING ? null : item;
}

function makeItem(event: ServerEvent): TimelineItem | null {
  if (!isKnownEvent(event)) return null;
  if (event.type === 'MESSAGE_SENT') return (event as MessageSent).hidden ? null : messageItem(event);
  const change = changeOf(event);
  if (change === null) return null;
  return {
    kind: 'change',
    key: `#${event.seq}`,
    conversationId: conversationOf(event) ?? '',
    seq: event.seq,
    actorId: event.actor_id ?? null,
    atMs: event.at_ms,
    change,
  } satisfies ChangeItem;
}

function changeOf(event: KnownEvent): ConversationChange | null {
  switch (event.type) {
    case 'CONVERSATION_CREATED':
      return { type: 'created', title: event.title ?? null };
    case 'MEMBER_ADDED':
      return { type: 'members_added', userIds: [event.user_id], role: event.role };
    case 'MEMBERS_ADDED':
      return { type: 'members_added', userIds: event.user_ids, role: event.role };
    case 'MEMBER_REMOVED':
      return { type: 'members_removed', userIds: [event.user_id] };
    case 'MEMBERS_REMOVED':
      return { type: 'members_removed', userIds: event.user_ids };
    case 'CONVERSATION_RENAMED':
      return { type: 'renamed', title: event.title };
    case 'ROLE_CHANGED':
      return { type: 'role_changed', userId: event.user_id, role: event.role };
    case 'MESSAGE_PINNED':
      return { type: 'pinned', message: { messageId: event.message_id, seq: event.message_seq }, on: event.on };
    default:
      return null;
  }
}
