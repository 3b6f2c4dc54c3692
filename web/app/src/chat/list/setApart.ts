import type { ConversationRow } from '@/types';

/** Whether it is muted at that time. */
export function isMuted(row: Pick<ConversationRow, 'mutedUntilMs'>, nowMs: number): boolean {
  return (row.mutedUntilMs ?? 0) > nowMs;
}

/** Whether it is archived at that time: a newer message ends it, unless it is muted. */
export function isArchived(row: ConversationRow, nowMs: number): boolean {
  return row.archivedSeq !== null && (isMuted(row, nowMs) || (row.last?.seq ?? 0) <= row.archivedSeq);
}

/** Whether something unread in it wants to be told: not where one has muted or archived it, or wants to hear nothing. */
export function callsFor(row: ConversationRow, nowMs: number): boolean {
  return row.unread > 0 && !isMuted(row, nowMs) && !isArchived(row, nowMs);
}

/** What is pinned first, the last pinned before the others; the rest as it is. */
export function pinnedFirst(rows: readonly ConversationRow[]): ConversationRow[] {
  const pinned = rows.filter((row) => row.pinnedMs !== null).sort((a, b) => (b.pinnedMs ?? 0) - (a.pinnedMs ?? 0));
  return [...pinned, ...rows.filter((row) => row.pinnedMs === null)];
}

/** Milliseconds until the next of them is heard again; null when none will be soon enough for a timer. */
export function nextHeardMs(rows: readonly ConversationRow[], nowMs: number): number | null {
  const ends = rows.flatMap(({ mutedUntilMs }) => (mutedUntilMs !== null && mutedUntilMs > nowMs ? [mutedUntilMs - nowMs] : []));
  const next = Math.min(...ends);
  return next < 2 ** 31 ? next : null;
}
