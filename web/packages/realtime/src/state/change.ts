import type { ClientId, ConversationId } from '../api/ids.ts';
import type { InvitationRow } from '../rest/types.ts';
import type { ServerEvent } from '../wire/events.ts';
import type { ConversationRecord, OutboxRecord } from './records.ts';

/** What changed in the store, told to all tabs after it did. Plain data. */
export interface Change {
  conversations?: readonly ConversationRecord[];
  /** Conversations that are not the person's any more. */
  removed?: readonly ConversationId[];
  /** Events that are now stored, in order. */
  events?: readonly ServerEvent[];
  outbox?: readonly OutboxRecord[];
  /** Messages that left the outbox. */
  settled?: readonly ClientId[];
  drafts?: readonly (readonly [ConversationId, string])[];
  invitations?: readonly InvitationRow[];
  /** Changes were missed: the store was read again. Never sent to other tabs. */
  again?: boolean;
  /** Events may have been missed before these: stored histories are gone. */
  missed?: boolean;
  /** What is shown has to be read again, for this reason; conversations and histories may be gone. */
  reset?: string;
  /** The reset began a new log: places of before mean nothing. */
  newLog?: boolean;
}
