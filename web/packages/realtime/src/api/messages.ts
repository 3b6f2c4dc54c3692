import type { ClientId, ConversationId, MessageId, Open, Seq, UserId } from './ids.ts';

/** Plain text, 1 byte to 16 KiB of UTF-8, not only white space. */
export interface TextBody {
  readonly type: 'text';
  readonly text: string;
}

/** The content was erased; the message keeps its place. */
export interface ErasedBody {
  readonly type: 'erased';
}

/** A body of a newer server's, kept as it came. Tell it apart with `isKnownBody`. */
export interface UnknownBody {
  readonly type: string & Record<never, never>;
  readonly [field: string]: unknown;
}

/** The content of a message. */
export type MessageBody = TextBody | ErasedBody | UnknownBody;

/** Whether this version knows the kind of body. */
export function isKnownBody(body: MessageBody): body is TextBody | ErasedBody {
  return body.type === 'text' || body.type === 'erased';
}

/** Whether it is text. */
export function isText(body: MessageBody): body is TextBody {
  return body.type === 'text' && typeof (body as TextBody).text === 'string';
}

/**
 * Where a message is. `pending`: in this device's outbox. `sent`: in the log. `failed`: refused for good; only the person
 * decides about it (`retry`, `discard`).
 */
export type SendState = 'pending' | 'sent' | 'failed';

/** A message that another one refers to, in the same conversation. */
export interface MessageRef {
  readonly messageId: MessageId;
  readonly seq: Seq;
}

/** One's own edit, or deletion for everyone, that is not in the log. The message shows it all the same. */
export interface EditInOutbox {
  /** For `retry` and `discard`. */
  readonly clientId: ClientId;
  readonly state: 'pending' | 'failed';
  /** Whether it is a deletion. */
  readonly deletes: boolean;
  /** The code of the refusal. */
  readonly error: string | null;
}

/** Those who react to a message with one emoji. */
export interface Reaction {
  readonly emoji: string;
  /** How many people. */
  readonly count: number;
  /** Whether the person is one of them. */
  readonly mine: boolean;
  /** The first of them, at most eight. */
  readonly by: readonly UserId[];
}

/** What was said in the thread under a message, without what was deleted since. */
export interface Replies {
  readonly count: number;
  readonly lastSeq: Seq;
  readonly lastAtMs: number;
  /** The first who replied, at most five. */
  readonly by: readonly UserId[];
}

/** A message, one's own from the moment of `send` on. */
export interface MessageItem {
  readonly kind: 'message';
  /** Unique within its conversation and the same from the optimistic bubble on. */
  readonly key: string;
  readonly conversationId: ConversationId;
  /** Its place; null while it waits in the outbox. */
  readonly seq: Seq | null;
  readonly messageId: MessageId | null;
  readonly clientId: ClientId;
  readonly senderId: UserId;
  /** When the server accepted it, or when it was written here. For people, not for sorting. */
  readonly atMs: number;
  /** What it says now. */
  readonly body: MessageBody;
  /** The message that it answers. Look it up: what it says may have changed. */
  readonly replyTo: MessageRef | null;
  /** The newest edit. */
  readonly edited: { readonly seq: Seq; readonly atMs: number } | null;
  readonly editing: EditInOutbox | null;
  /** In the order in which each emoji first came; one's own that wait are in there. */
  readonly reactions: readonly Reaction[];
  /** The root of the thread in which it is: timelines have none of these. */
  readonly thread: MessageRef | null;
  /** What was said in the thread under it. */
  readonly replies: Replies | null;
  readonly state: SendState;
  /** The code of the refusal when it failed, or of the last one "for now" while it is pending. */
  readonly error: string | null;
}

/** What happened to a conversation besides messages. */
export type ConversationChange =
  | { readonly type: 'created'; readonly title: string | null }
  | { readonly type: 'members_added'; readonly userIds: readonly UserId[]; readonly role: Open<'owner' | 'admin' | 'member'> }
  | { readonly type: 'members_removed'; readonly userIds: readonly UserId[] }
  | { readonly type: 'renamed'; readonly title: string }
  | { readonly type: 'pinned'; readonly message: MessageRef; readonly on: boolean }
  | { readonly type: 'role_changed'; readonly userId: UserId; readonly role: Open<'owner' | 'admin' | 'member'> };

/** A line between messages. */
export interface ChangeItem {
  readonly kind: 'change';
  readonly key: string;
  readonly conversationId: ConversationId;
  readonly seq: Seq;
  /** Who did it; null where nobody is named. */
  readonly actorId: UserId | null;
  readonly atMs: number;
  readonly change: ConversationChange;
}

/** A row of a history. Immutable: a change makes a new object. */
export type TimelineItem = MessageItem | ChangeItem;
