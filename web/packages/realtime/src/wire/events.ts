import type { ClientId, ConversationId, MessageId, Open, Seq, UserId } from '../api/ids.ts';
import type { MessageBody, Reaction } from '../api/messages.ts';
import type { components } from '../generated/asyncapi.ts';
import type { components as Rest } from '../generated/openapi.ts';
import { isKnownType } from './shapes.ts';

type Schemas = components['schemas'];
/** The frames of the document, with what a newer server may say more in the places where it may. */
type Opened<T> = T extends unknown
  ? Readonly<
      Omit<T, 'body' | 'kind' | 'role'> &
        (T extends { body: unknown } ? { body: MessageBody } : unknown) &
        (T extends { kind: unknown } ? { kind: Open<'direct' | 'group'> } : unknown) &
        (T extends { role: unknown } ? { role: Open<'owner' | 'admin' | 'member'> } : unknown)
    >
  : never;

/**
 * What every event has. `chain` is `c:<conversation>` or `u:<shard>`; a newer server may name others. `prev` is absent where the
 * server does not know.
 */
export type EventPlace = Readonly<Omit<Schemas['EventPlace'], 'v'>>;

/** Events that this version knows: all of the document. */
export type KnownEvent = Opened<Extract<Schemas['ServerFrame'], Schemas['EventPlace']>>;

/** The event of a type, such as `EventOf<'MEMBER_ADDED'>`. */
export type EventOf<Type extends KnownEvent['type']> = Extract<KnownEvent, { type: Type }>;
/** A message. In the store it is as it is now: with the newest edit's body, and where that edit stands; the same of reactions. */
export type MessageSent = EventOf<'MESSAGE_SENT'> & {
  readonly edited_seq?: Seq | null;
  readonly edited_at_ms?: number | null;
  readonly reactions?: readonly Reaction[];
  /** The newest reaction that is counted in there. */
  readonly reacted_seq?: Seq | null;
  /** What was said in the thread under it. */
  readonly replies?: Rest['schemas']['ThreadReplies'] | null;
  /** The person hid it from themselves: its place is left, and nothing shows. */
  readonly hidden?: boolean;
};
export type MessageEdited = EventOf<'MESSAGE_EDITED'>;
export type MessageErased = EventOf<'MESSAGE_ERASED'>;
export type MessageReacted = EventOf<'MESSAGE_REACTED'> & {
  /** Whether the person reacted themselves; said where the event comes in. */
  readonly mine?: boolean;
};
export type MessagePinned = EventOf<'MESSAGE_PINNED'>;
export type MessageHidden = EventOf<'MESSAGE_HIDDEN'>;

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

/** What the person published: under which key, and its id. Null for what others did, and what nobody did under a key of theirs. */
export function publishedBy(event: ServerEvent, me: UserId): { readonly clientId: ClientId; readonly id: MessageId } | null {
  if (!isKnownEvent(event) || event.actor_id !== me) return null;
  if (event.type === 'MESSAGE_SENT') return { clientId: event.client_id, id: event.message_id };
  if (event.type === 'MESSAGE_EDITED' || event.type === 'MESSAGE_REACTED' || event.type === 'MESSAGE_PINNED')
    return { clientId: event.client_id, id: event.event_id };
  if (event.type === 'MESSAGE_ERASED' && event.actor_client_id) return { clientId: event.actor_client_id, id: event.event_id };
  return null;
}

/** The event with what only the person who hears it can say. */
export function heardBy(event: ServerEvent, me: UserId): ServerEvent {
  if (!isKnownEvent(event) || event.type !== 'MESSAGE_REACTED') return event;
  return { ...event, mine: event.actor_id === me } satisfies MessageReacted;
}

/** The conversation that an event of a conversation's chain belongs to; null for other chains. */
export function conversationOf(event: EventPlace): ConversationId | null {
  return event.chain.startsWith('c:') ? event.chain.slice(2) : null;
}
