import type { ConversationSettings, ConversationSettingsChange } from '../api/conversations.ts';
import type { ConversationId } from '../api/ids.ts';
import type { RestClient } from '../rest/client.ts';
import type { Home } from './home.ts';
import { type ConversationRecord, GONE } from './records.ts';

/** Changes what the person set for a conversation, and keeps the answer: the event may come later. */
export async function setForConversation(
  home: Home,
  rest: RestClient,
  id: ConversationId,
  change: ConversationSettingsChange,
): Promise<void> {
  const settings = await rest.changeConversationSettings(id, change);
  const kept = await home.transaction(['conversations'], { write: true }, async (tx) => {
    const record = (await tx.get('conversations', id)) as ConversationRecord | undefined;
    const next = record === undefined ? null : withSettings(record, settings);
    if (next === null) return null;
    tx.put('conversations', id, next);
    return next;
  });
  if (kept !== null) home.publish({ conversations: [kept] });
}

/** The record with these settings; null where it has them, or newer ones. */
export function withSettings(record: ConversationRecord, settings: ConversationSettings): ConversationRecord | null {
  if (record.state === GONE || settings.version <= (record.settings?.version ?? 0)) return null;
  return { ...record, settings, rev: record.rev + 1 };
}
