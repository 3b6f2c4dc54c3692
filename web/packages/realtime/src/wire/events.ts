import type { ConversationId, Open, Seq, UserId } from '../api/ids.ts';
import type { MessageBody } from '../api/messages.ts';
import type { components } from '../generated/asyncapi.ts';
import { isKnownType } from './shapes.ts';

type Schemas = components['schemas'];
/** The document's enums and unions are closed; what a server says is not. */
type Opened<T> = Omit<T, 'body' | 'kind' | 'role'> &
  (T extends { body: unknown } ? { body: MessageBody } : unknown) &
  (T extends { kind: unknown } ? { kind: Open<'direct' | 'group'> } : unknown) &
  (T extends { role: unknown } ? { role: Open<'owner' | 'admin' | 'member'> } : unknown);

/** What every event has. */
export interface EventPlace {
  /** The run of events it belongs to: `c:<conversation>` or `u:<shard>`; a newer server may name others. */
  readonly chain: string;
  readonly seq: Seq;
  /** The event before it in its chain, 0 for the first; absent where the server does not know. */
  readonly prev?: Seq | null;
}

export type MessageSent = Readonly<Opened<Schemas['frame_MESSAGE_SENT']>>;
export type ConversationCreated = Readonly<Opened<Schemas['frame_CONVERSATION_CREATED']>>;
export type MemberAdded = Readonly<Opened<Schemas['frame_MEMBER_ADDED']>>;
export type MembersAdded = Readonly<Opened<Schemas['frame_MEMBERS_ADDED']>>;
export type MemberRemoved = Readonly<Schemas['frame_MEMBER_REMOVED']>;
export type MembersRemoved = Readonly<Schemas['frame_MEMBERS_REMOVED']>;
export type ConversationRenamed = Readonly<Schemas['frame_CONVERSATION_RENAMED']>;
export type RoleChanged = Readonly<Opened<Schemas['frame_ROLE_CHANGED']>>;
export type MessageErased = Readonly<Schemas['frame_MESSAGE_ERASED']>;

/** The person's own read mark moved, on any of their devices. In a chain of the person's. */
export interface ReadMarkMoved extends EventPlace {
  readonly type: 'READ_MARK_MOVED';
  readonly at_ms: number;
  readonly actor_id?: UserId | null;
  readonly conversation_id: ConversationId;
  /** The sequence up to which the person has read. */
  readonly read_seq: Seq;
}

/** Something about the person themselves, in a chain of theirs; what it says is read over REST. */
export type PersonalEvent =
  | Readonly<Schemas['frame_CONVERSATION_JOINED']>
  | Readonly<Schemas['frame_CONVERSATION_LEFT']>
  | Readonly<Schemas['frame_CONVERSATION_INVITED']>
  | Readonly<Schemas['frame_INVITATION_ENDED']>
  | Readonly<Schemas['frame_SESSION_REVOKED']>
  | Readonly<Schemas['frame_USER_REGISTERED']>
  | Readonly<Schemas['frame_USER_SEEN']>
  | NewPersonalEvent;

/** What the document does not describe yet. */
export interface NewPersonalEvent extends EventPlace {
  readonly type: 'SESSION_STARTED' | 'PROFILE_CHANGED';
  readonly at_ms: number;
  readonly actor_id?: UserId | null;
}

/** Events that this version knows. */
export type KnownEvent =
  | MessageSent
  | ConversationCreated
  | MemberAdded
  | MembersAdded
  | MemberRemoved
  | MembersRemoved
  | ConversationRenamed
  | RoleChanged
  | MessageErased
  | ReadMarkMoved
  | PersonalEvent;

/** An event of a newer server's. It has its place among the others; its fields are as they came. */
export interface UnknownEvent extends EventPlace {
  readonly type: string & Record<never, never>;
  readonly [field: string]: unknown;
}

/** An event. Tell what is known apart with {@link isKnownEvent}. */
export type ServerEvent = KnownEvent | UnknownEvent;

/** Whether this version knows the kind of event. */
export function isKnownEvent(event: ServerEvent): event is KnownEvent {
  // Types of events are in upper case: a frame of another kind is none, even with a place.
  return /^[A-Z]/.test(event.type) && isKnownType(event.type);
}

/** Whether the event is the first of a stay of `me` in the conversation: what came before is not theirs to see. */
export function beginsStay(event: ServerEvent, me: UserId): boolean {
  if (!isKnownEvent(event)) return false;
  if (event.type === 'CONVERSATION_CREATED') return true;
  if (event.type === 'MEMBER_ADDED') return event.user_id === me;
  return event.type === 'MEMBERS_ADDED' && event.user_ids.includes(me);
}

/** Whether the event is the last of a stay of `me` in the conversation. */
export function endsStay(event: ServerEvent, me: UserId): boolean {
  if (!isKnownEvent(event)) return false;
  if (event.type === 'MEMBER_REMOVED') return event.user_id === me;
  return event.type === 'MEMBERS_REMOVED' && event.user_ids.includes(me);
}

/** The conversation that an event of a conversation's chain belongs to; null for other chains. */
export function conversationOf(event: EventPlace): ConversationId | null {
  return event.chain.startsWith('c:') ? event.chain.slice(2) : null;
}
