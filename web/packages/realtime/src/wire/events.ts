import type { ConversationId, MessageId, Open, Seq, UserId } from '../api/ids.ts';
import type { MessageBody } from '../api/messages.ts';

/** What every event has. */
export interface EventPlace {
  /** The run of events it belongs to: `c:<conversation>` or `u:<shard>`; a newer server may name others. */
  readonly chain: string;
  readonly seq: Seq;
  /** The event before it in its chain, 0 for the first; absent where the server does not know. */
  readonly prev?: Seq | null;
}

interface Envelope extends EventPlace {
  readonly event_id?: string;
  /** Who caused it; absent where nobody is named, as in what operators do. */
  readonly actor_id?: UserId | null;
  /** When, in milliseconds since 1970. For people, not for sorting. */
  readonly at_ms: number;
}

interface OfConversation extends Envelope {
  readonly conversation_id: ConversationId;
}

type Kind = Open<'direct' | 'group'>;
type Role = Open<'owner' | 'admin' | 'member'>;

export interface MessageSent extends OfConversation {
  readonly type: 'MESSAGE_SENT';
  readonly actor_id: UserId;
  readonly message_id: MessageId;
  readonly client_id: string;
  readonly body: MessageBody;
}

export interface ConversationCreated extends OfConversation {
  readonly type: 'CONVERSATION_CREATED';
  readonly kind: Kind;
  readonly title?: string | null;
}

export interface MemberAdded extends OfConversation {
  readonly type: 'MEMBER_ADDED';
  readonly user_id: UserId;
  readonly role: Role;
  readonly kind: Kind;
  readonly title?: string | null;
}

export interface MembersAdded extends OfConversation {
  readonly type: 'MEMBERS_ADDED';
  readonly user_ids: readonly UserId[];
  readonly role: Role;
  readonly kind: Kind;
  readonly title?: string | null;
}

export interface MemberRemoved extends OfConversation {
  readonly type: 'MEMBER_REMOVED';
  readonly user_id: UserId;
}

export interface MembersRemoved extends OfConversation {
  readonly type: 'MEMBERS_REMOVED';
  readonly user_ids: readonly UserId[];
}

export interface ConversationRenamed extends OfConversation {
  readonly type: 'CONVERSATION_RENAMED';
  readonly title: string;
}

export interface RoleChanged extends OfConversation {
  readonly type: 'ROLE_CHANGED';
  readonly user_id: UserId;
  readonly role: Role;
}

export interface MessageErased extends OfConversation {
  readonly type: 'MESSAGE_ERASED';
  readonly message_id: MessageId;
  readonly message_seq: Seq;
}

/** The person's own read mark moved, on any of their devices. In a chain of the person's. */
export interface ReadMarkMoved extends OfConversation {
  readonly type: 'READ_MARK_MOVED';
  /** The sequence up to which the person has read. */
  readonly read_seq: Seq;
}

/** Something about the person themselves, in a chain of theirs; what it says is read over REST. */
export interface PersonalEvent extends Envelope {
  readonly type:
    | 'CONVERSATION_JOINED'
    | 'CONVERSATION_LEFT'
    | 'CONVERSATION_INVITED'
    | 'INVITATION_ENDED'
    | 'SESSION_REVOKED'
    | 'SESSION_STARTED'
    | 'PROFILE_CHANGED';
  readonly conversation_id?: ConversationId | null;
  readonly session_id?: string | null;
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

const KNOWN: ReadonlySet<string> = new Set<KnownEvent['type']>([
  'MESSAGE_SENT',
  'CONVERSATION_CREATED',
  'MEMBER_ADDED',
  'MEMBERS_ADDED',
  'MEMBER_REMOVED',
  'MEMBERS_REMOVED',
  'CONVERSATION_RENAMED',
  'ROLE_CHANGED',
  'MESSAGE_ERASED',
  'READ_MARK_MOVED',
  'CONVERSATION_JOINED',
  'CONVERSATION_LEFT',
  'CONVERSATION_INVITED',
  'INVITATION_ENDED',
  'SESSION_REVOKED',
  'SESSION_STARTED',
  'PROFILE_CHANGED',
]);

/** Whether this version knows the kind of event. */
export function isKnownEvent(event: ServerEvent): event is KnownEvent {
  return KNOWN.has(event.type);
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
