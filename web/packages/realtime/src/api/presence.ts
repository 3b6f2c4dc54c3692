import type { ConversationId, Open, UserId } from './ids.ts';

/** How somebody is there, as far as they tell. */
export interface PersonPresence {
  /** A state that this version does not know is shown as `offline`. */
  readonly state: Open<'online' | 'idle' | 'do_not_disturb' | 'offline'>;
  /** What they have before their eyes, if the person is in that conversation. */
  readonly conversationId: ConversationId | null;
  /** While they are offline: when they were there last, if the person may know. */
  readonly lastSeenMs: number | null;
}

/** People who are watched and of whom something is known; nobody without a connection. */
export type PresenceState = ReadonlyMap<UserId, PersonPresence>;

/** Whom the person tells whether they are there. */
export type PresenceAudience = Open<'everybody' | 'contacts' | 'nobody'>;

/** How the person wants to be seen while they are there. */
export type Availability = Open<'available' | 'do_not_disturb' | 'invisible'>;
