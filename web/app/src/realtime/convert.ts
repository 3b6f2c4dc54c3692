import type * as sdk from '@relayhub/realtime';
import { isText } from '@relayhub/realtime';
import type {
  Body,
  ChangeItem,
  ConversationRow,
  FollowedThread,
  Found,
  InvitationRow,
  Member,
  MessageDetails,
  MessageItem,
  Person,
  Pin,
  ReceiptStep,
  Scheduled,
  TimelineItem,
} from '@/types';
import type { Members } from './messenger';

/** The SDK's objects never change, so each is turned into a screen's object once: rows keep their identity. */
function once<A extends object, B>(make: (value: A) => B): (value: A) => B {
  const made = new WeakMap<A, B>();
  return (value) => {
    const known = made.get(value);
    if (known !== undefined) return known;
    const fresh = make(value);
    made.set(value, fresh);
    return fresh;
  };
}

export const personOf = once((user: sdk.UserProfile): Person => ({ id: user.user_id, handle: user.handle, name: user.display_name }));

const stepOf = (step: sdk.ReceiptStep | null | undefined): ReceiptStep | null =>
  step ? { atMs: step.at_ms ?? null, before: step.before ?? false, device: step.device_kind ?? null } : null;

export function detailsOf({ named, read_count, delivered_count, people }: sdk.MessageReceipts): MessageDetails {
  const rows = people.map(({ user, delivered, read }) => ({ person: personOf(user), delivered: stepOf(delivered), read: stepOf(read) }));
  return { named, readCount: read_count, deliveredCount: delivered_count, people: rows };
}

const memberOf = once(
  (member: sdk.Member): Member => ({ id: member.user_id, handle: member.handle, name: member.display_name, role: member.role }),
);

export const membersOf = once(
  ({ members, count, complete }: sdk.MembersState): Members => ({ members: members.map(memberOf), count, complete }),
);

export const messageOf = once(
  (item: sdk.MessageItem): MessageItem => ({
    kind: 'message',
    key: item.key,
    seq: item.seq,
    senderId: item.senderId,
    atMs: item.atMs,
    body: bodyOf(item.body),
    replyTo: item.replyTo,
    editedMs: item.edited?.atMs ?? null,
    editing: item.editing,
    reactions: item.reactions,
    thread: item.thread,
    replies: item.replies,
    state: item.state,
    error: item.error,
    clientId: item.clientId,
    messageId: item.messageId,
  }),
);

export function bodyOf(body: sdk.MessageBody): Body {
  return isText(body) ? { type: 'text', text: body.text } : { type: body.type === 'erased' ? 'erased' : 'unknown' };
}

const NO_PINS: readonly Pin[] = [];
const pinOf = once((pin: sdk.Pin): Pin => ({ message: messageOf(pin.message), by: pin.pinnedBy, atMs: pin.pinnedAtMs }));
export const pinsOf = ({ pins }: sdk.PinsState): readonly Pin[] => (pins === null ? NO_PINS : pins.map(pinOf));

export const scheduledOf = (scheduled: sdk.ScheduledMessage): Scheduled => ({
  conversationId: scheduled.conversationId,
  key: scheduled.clientId,
  body: bodyOf(scheduled.body),
  replyTo: scheduled.replyTo,
  atMs: scheduled.sendAtMs,
  state: scheduled.state,
  refusal: scheduled.refusal,
});

export const foundOf = (page: sdk.SearchPage): Found => ({
  hits: page.hits.map(({ message, spans }) => {
    const body = bodyOf(message.body);
    return {
      conversationId: message.conversation_id,
      seq: message.seq,
      senderId: message.sender_id,
      atMs: message.sent_at_ms,
      text: body.type === 'text' ? body.text : '',
      spans,
      thread: message.thread ? { messageId: message.thread.message_id, seq: message.thread.seq } : null,
    };
  }),
  next: page.next_cursor ?? null,
  backToMs: page.searched_back_to_ms ?? null,
  partialBeforeMs: page.partial_before_ms ?? null,
  lagMs: page.index_lag_ms ?? null,
});

export const threadsOf = once((state: sdk.ThreadsState): { threads: readonly FollowedThread[] } => ({
  threads: state.threads.map(({ conversationId, root, unread }) => ({ conversationId, root: messageOf(root), unread })),
}));

export const quotedOf = once(
  (quoted: ReadonlyMap<string, sdk.MessageItem | null>): ReadonlyMap<string, MessageItem | null> =>
    new Map([...quoted].map(([id, item]) => [id, item && messageOf(item)])),
);

const changeOf = once((item: sdk.ChangeItem): ChangeItem => {
  const by = item.actorId ?? '';
  const { change } = item;
  const turned = (): ChangeItem['change'] => {
    switch (change.type) {
      case 'created':
        return { type: 'created', by };
      case 'members_added':
        return { type: 'joined', by, users: [...change.userIds] };
      case 'members_removed':
        return { type: 'left', by, users: [...change.userIds] };
      case 'renamed':
        return { type: 'renamed', by, title: change.title };
      case 'role_changed':
        return { type: 'role', by, user: change.userId, role: change.role };
      case 'pinned':
        return { type: 'pinned', by, seq: change.message.seq, on: change.on };
    }
  };
  return { kind: 'change', key: item.key, seq: item.seq, atMs: item.atMs, change: turned() };
});

export const itemsOf = once((items: readonly sdk.TimelineItem[]): readonly TimelineItem[] =>
  items.map((item) => (item.kind === 'message' ? messageOf(item) : changeOf(item))),
);

const rowOf = once((row: sdk.ConversationRow) => ({
  id: row.id,
  kind: row.kind,
  peer: row.peer ? personOf(row.peer) : null,
  role: row.role,
  isRequest: row.state === 'request',
  last: row.last ? messageOf(row.last) : null,
  unread: row.unread,
  seenSeq: row.unreadFrom == null ? row.readSeq : Math.min(row.readSeq, row.unreadFrom - 1),
  lastSeq: row.lastSeq,
  mutedUntilMs: row.settings?.mutedUntilMs ?? null,
  pinnedMs: row.settings?.pinnedAtMs ?? null,
  archivedSeq: row.settings?.archivedSeq ?? null,
  level: row.settings?.level ?? 'all',
}));

const titled = new WeakMap<object, ConversationRow>();

/** `unnamed` is asked for where neither a title nor a person is known. */
export function conversationOf(row: sdk.ConversationRow, unnamed: () => string): ConversationRow {
  const known = titled.get(row);
  if (known) return known;
  const made = { ...rowOf(row), title: row.title ?? row.peer?.display_name ?? unnamed() };
  titled.set(row, made);
  return made;
}

export function invitationOf(row: sdk.InvitationRow, unnamed: () => string): InvitationRow {
  return {
    conversationId: row.conversation_id,
    title: row.title ?? unnamed(),
    memberCount: row.member_count,
    invitedBy: personOf(row.invited_by),
    atMs: row.invited_at_ms,
  };
}
