/** What the screens show. The SDK's and REST's shapes are turned into these in `realtime/`. */

export type Role = 'owner' | 'admin' | 'member' | (string & {});
export type ConversationKind = 'direct' | 'group' | (string & {});

export interface Person {
  id: string;
  handle: string;
  name: string;
}

export interface Member extends Person {
  role: Role;
}

/** Where a message of one's own is. `failed` asks the person; nothing else does. */
export type SendState = 'pending' | 'sent' | 'failed';

export type Body = { type: 'text'; text: string } | { type: 'erased' } | { type: 'unknown' };

export interface MessageItem {
  kind: 'message';
  /** The same from the optimistic bubble on. */
  key: string;
  seq: number | null;
  senderId: string;
  atMs: number;
  body: Body;
  /** The message that it answers. */
  replyTo: MessageRef | null;
  /** When it was edited last. */
  editedMs: number | null;
  /** An edit or a deletion of one's own that is not stored. */
  editing: { clientId: string; state: 'pending' | 'failed'; error: string | null; deletes: boolean } | null;
  /** How people react, one's own that wait included. */
  reactions: readonly Reaction[];
  /** The root of the thread in which it is. */
  thread: MessageRef | null;
  /** What was said in the thread under it. */
  replies: { count: number; lastAtMs: number } | null;
  state: SendState;
  /** The code of the refusal, when `state` is `failed`. */
  error: string | null;
  clientId: string;
  /** Null while it waits in the outbox. */
  messageId: string | null;
}

/** Those who react to a message with one emoji. */
export interface Reaction {
  emoji: string;
  count: number;
  mine: boolean;
  /** The first of them. */
  by: readonly string[];
}

/** A thread that one follows, with what is unread in it. */
export interface FollowedThread {
  conversationId: string;
  root: MessageItem;
  unread: number;
}

/** Who reacts to a message, the first of them. */
export interface Reactors {
  reactions: { personId: string; emoji: string }[];
  more: boolean;
}

/** A message that something refers to, in the same conversation. */
export interface MessageRef {
  messageId: string;
  seq: number;
}

/** A pinned message, as it is now. */
export interface Pin {
  message: MessageItem;
  by: string;
  atMs: number;
}

/** A message of one's own that is to be sent later. */
export interface Scheduled {
  conversationId: string;
  key: string;
  body: Body;
  replyTo: string | null;
  atMs: number;
  /** `waiting`, `sending`, or `refused` and `overdue`, which ask the person. */
  state: string;
  refusal: string | null;
}

/** What the others of a conversation have read. */
export interface Receipts {
  /** Whether people are named here; null while it is not known. */
  named: boolean | null;
  read: ReadonlyMap<string, { afterSeq: number; readSeq: number }>;
  /** The newest of one's own messages that their devices have. */
  delivered: ReadonlyMap<string, number>;
}

/** When something reached somebody, and on what kind of device: at that moment, or some time before it. */
export interface ReceiptStep {
  atMs: number | null;
  before: boolean;
  device: string | null;
}

/** Who has a message, who has read it, and when. */
export interface MessageDetails {
  /** Whether everybody is named; otherwise only the counts are told. */
  named: boolean;
  readCount: number;
  deliveredCount: number;
  people: { person: Person; delivered: ReceiptStep | null; read: ReceiptStep | null }[];
}

/** A part of a text, as `slice` takes it. */
export interface Span {
  start: number;
  end: number;
}

/** A message that was found, and where in its text. */
export interface Hit {
  conversationId: string;
  seq: number;
  senderId: string;
  atMs: number;
  text: string;
  spans: readonly Span[];
  /** The root of the thread in which it is. */
  thread: MessageRef | null;
}

/** A page of what was found, the newest first. */
export interface Found {
  hits: readonly Hit[];
  /** Hand back for more; null when everything was searched. */
  next: string | null;
  /** When the time ran out: what is newer was searched. */
  backToMs: number | null;
  /** What is older was looked for in part of the conversations only: the person is in too many. */
  partialBeforeMs: number | null;
  /** How long messages have waited that cannot be found yet. */
  lagMs: number | null;
}

/** How somebody is there. */
export interface Presence {
  state: string;
  lastSeenMs: number | null;
}

/** People who have read a message, the first of them. */
export interface Readers {
  people: Person[];
  more: boolean;
}

/** One version of a message. */
export interface Revision {
  seq: number;
  atMs: number;
  body: Body;
}

/** Something that happened to the conversation: a centred line. */
export interface ChangeItem {
  kind: 'change';
  key: string;
  seq: number;
  atMs: number;
  change:
    | { type: 'created'; by: string }
    | { type: 'joined'; by: string; users: string[] }
    | { type: 'left'; by: string; users: string[] }
    | { type: 'renamed'; by: string; title: string }
    | { type: 'role'; by: string; user: string; role: Role }
    | { type: 'pinned'; by: string; seq: number; on: boolean };
}

export type TimelineItem = MessageItem | ChangeItem;

export interface ConversationRow {
  id: string;
  kind: ConversationKind;
  title: string;
  peer: Person | null;
  role: Role;
  isRequest: boolean;
  last: MessageItem | null;
  unread: number;
  /** What stands behind it is unread. */
  seenSeq: number;
  lastSeq: number;
  /** Muted until then; null when it is not. */
  mutedUntilMs: number | null;
  pinnedMs: number | null;
  /** Where its newest message stood when it was archived. */
  archivedSeq: number | null;
  /** Of what one is notified. */
  level: NotifyLevel;
}

export type NotifyLevel = 'all' | 'mentions' | 'none' | (string & {});

/** What is set for a conversation; the rest stays. */
export interface ConversationChange {
  mutedUntilMs?: number | null;
  pinned?: boolean;
  archived?: boolean;
  level?: 'all' | 'mentions' | 'none';
}

export interface InvitationRow {
  conversationId: string;
  title: string;
  memberCount: number;
  invitedBy: Person;
  atMs: number;
}

export interface DeviceRow {
  id: string;
  name: string;
  createdMs: number;
  lastUsedMs: number;
  current: boolean;
}
