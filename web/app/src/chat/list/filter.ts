import type { ConversationRow } from '@/types';

export type Filter = 'all' | 'unread' | 'direct' | 'group';

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

export function filterRows(rows: readonly ConversationRow[], filter: Filter, query: string): ConversationRow[] {
  const kept = rows.filter((row) => {
    if (filter === 'unread') return row.unread > 0;
    if (filter === 'direct') return row.kind === 'direct';
    if (filter === 'group') return row.kind !== 'direct';
    return true;
  });
  if (!query.trim()) return kept;
  const needle = query.replace(/^@/, '');
  return kept
    .map((row) => ({ row, score: Math.max(matchScore(row.title, query), row.peer ? matchScore(row.peer.handle, needle) : 0) }))
    .filter(({ score }) => score > 0)
    .sort((a, b) => b.score - a.score)
    .map(({ row }) => row);
}
