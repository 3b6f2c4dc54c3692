import type { ConversationRow } from '@/types';
import { isArchived, pinnedFirst } from './setApart';

export type Filter = 'all' | 'unread' | 'direct' | 'group' | 'archived';

/** Letters without their marks, so that "jose" finds "José". */
export function folded(text: string): string {
  return text.normalize('NFD').replace(/\p{M}/gu, '').toLocaleLowerCase();
}

/** How well a name fits a query: a word's beginning before a middle; 0 where it does not. */
export function matchScore(name: string, query: string): number {
  const haystack = folded(name);
  const needle = folded(query.trim());
  if (!needle) return 1;
  const at = haystack.indexOf(needle);
  if (at < 0) return 0;
  if (at === 0) return 4;
  return /[\s\-_.@]/u.test(haystack[at - 1] ?? '') ? 3 : 2;
}

/** What a filter shows. A name is looked for among the archived ones, too. */
export function filterRows(rows: readonly ConversationRow[], filter: Filter, query: string, nowMs: number): ConversationRow[] {
  const asks = query.trim() !== '';
  const kept = rows.filter((row) => {
    if (filter === 'archived' || !asks) {
      if (isArchived(row, nowMs) !== (filter === 'archived')) return false;
    }
    if (filter === 'unread') return row.unread > 0;
    if (filter === 'direct') return row.kind === 'direct';
    if (filter === 'group') return row.kind !== 'direct';
    return true;
  });
  if (!asks) return pinnedFirst(kept);
  const needle = query.replace(/^@/, '');
  return kept
    .map((row) => ({ row, score: Math.max(matchScore(row.title, query), row.peer ? matchScore(row.peer.handle, needle) : 0) }))
    .filter(({ score }) => score > 0)
    .sort((a, b) => b.score - a.score)
    .map(({ row }) => row);
}
