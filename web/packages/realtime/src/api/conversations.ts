import type { UserProfile } from '../rest/types.ts';
import type { ConversationId, Open, Seq } from './ids.ts';
import type { MessageItem } from './messages.ts';

/** A person's right in a conversation. */
export type Role = Open<'owner' | 'admin' | 'member'>;

/** What the person set for a conversation, on all their devices. No other person is told. */
export interface ConversationSettings {
  /** Rises with each change. */
  readonly version: number;
  /** Muted until then; for good with {@link MUTED_FOREVER_MS}. Null when it is not: see {@link isMuted}. */
  readonly mutedUntilMs: number | null;
  /** When it was pinned; null when it is not. */
  readonly pinnedAtMs: number | null;
  /** Where the newest message stood when it was archived; null when it is not: see {@link isArchived}. */
  readonly archivedSeq: Seq | null;
  /** Of what they want to be notified. */
  readonly level: Open<'all' | 'mentions' | 'none'>;
}

/** What is changed of them; the rest stays. */
export interface ConversationSettingsChange {
  /** Null, or a time that has passed, ends it. */
  readonly mutedUntilMs?: number | null;
  readonly pinned?: boolean;
  readonly archived?: boolean;
  readonly level?: 'all' | 'mentions' | 'none';
}

/** Until when a conversation is muted that is muted for good. */
export const MUTED_FOREVER_MS = 253_402_214_400_000;

/** What holds where nothing was ever set. */
export const USUAL_SETTINGS: ConversationSettings = { version: 0, mutedUntilMs: null, pinnedAtMs: null, archivedSeq: null, level: 'all' };

/** Whether a conversation is muted at that time. */
export function isMuted({ settings }: Pick<ConversationRow, 'settings'>, atMs: number): boolean {
  return (settings?.mutedUntilMs ?? 0) > atMs;
}

/** Whether a conversation is archived at that time: a newer message ends it, unless the conversation is muted. */
export function isArchived(row: Pick<ConversationRow, 'settings' | 'last'>, atMs: number): boolean {
  const archivedSeq = row.settings?.archivedSeq ?? null;
  return archivedSeq !== null && (isMuted(row, atMs) || (row.last?.seq ?? 0) <= archivedSeq);
}

/** A row of the person's list. Immutable: a change makes a new object. */
export interface ConversationRow {
  readonly id: ConversationId;
  readonly kind: Open<'direct' | 'group'>;
  /** A group's title. */
  readonly title: string | null;
  /** The other person of a direct conversation. */
  readonly peer: UserProfile | null;
  readonly role: Role;
  /** `request`: another began it, and the person has not answered. */
  readonly state: Open<'accepted' | 'request'>;
  /** The newest message, one's own waiting ones included. Its text may be cut: a list shows beginnings. */
  readonly last: MessageItem | null;
  /** Messages of others behind the read mark, or from `unreadFrom` on; counting stops at 1,000. */
  readonly unread: number;
  readonly readSeq: Seq;
  /** The person marked it as unread from there on; null or absent where they did not, or have read it since. */
  readonly unreadFrom?: Seq | null;
  /** The last event's place. */
  readonly lastSeq: Seq;
  /** What the list is sorted by: the time of the last thing that happened, 0 where it is not known. */
  readonly activityMs: number;
  /** What the person set for it; absent in what a build of before stored. */
  readonly settings?: ConversationSettings;
}
