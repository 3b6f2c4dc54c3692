import { type ConversationSettings, USUAL_SETTINGS } from '../api/conversations.ts';

/** What is set for a conversation, as the wire has it. */
interface Said {
  version?: number;
  muted_until_ms?: number | null;
  pinned_at_ms?: number | null;
  archived_seq?: number | null;
  level?: string;
}

/** A server of before knows nothing of it. */
export function settingsFor(said: Said | undefined): ConversationSettings {
  if (said === undefined) return USUAL_SETTINGS;
  const { version = 0, muted_until_ms = null, pinned_at_ms = null, archived_seq = null, level = 'all' } = said;
  return { version, mutedUntilMs: muted_until_ms, pinnedAtMs: pinned_at_ms, archivedSeq: archived_seq, level };
}
