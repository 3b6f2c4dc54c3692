import type { UserProfile } from '../rest/types.ts';
import type { ConversationId, Open, Seq } from './ids.ts';
import type { MessageItem } from './messages.ts';

/** A person's right in a conversation. */
export type Role = Open<'owner' | 'admin' | 'member'>;

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
}
