import { describe, expect, it } from 'vitest';
import type { ConversationRow } from '@/types';
import { filterRows } from './filter';
import { callsFor, isArchived, isMuted, nextHeardMs, pinnedFirst } from './setApart';

const NOW = 1_000_000;

function row(id: string, change: Partial<ConversationRow> = {}, lastSeq = 5): ConversationRow {
  const last = { seq: lastSeq } as ConversationRow['last'];
  const usual = { kind: 'group', title: id, peer: null, role: 'member', isRequest: false, unread: 1, seenSeq: 0, lastSeq } as const;
  return { id, ...usual, last, mutedUntilMs: null, pinnedMs: null, archivedSeq: null, level: 'all', ...change };
}

describe('what is set apart', () => {
  it('is archived until a newer message comes, unless it is muted', () => {
    expect(isArchived(row('a', { archivedSeq: 5 }), NOW)).toBe(true);
    expect(isArchived(row('a', { archivedSeq: 4 }), NOW)).toBe(false);
    expect(isArchived(row('a', { archivedSeq: 4, mutedUntilMs: NOW + 1 }), NOW)).toBe(true);
    expect(isArchived(row('a', { archivedSeq: 4, mutedUntilMs: NOW }), NOW)).toBe(false);
    expect(isArchived(row('a'), NOW)).toBe(false);
  });

  it('calls for nobody who has muted or archived it', () => {
    expect(callsFor(row('a'), NOW)).toBe(true);
    expect(callsFor(row('a', { unread: 0 }), NOW)).toBe(false);
    expect(callsFor(row('a', { mutedUntilMs: NOW + 1 }), NOW)).toBe(false);
    expect(callsFor(row('a', { archivedSeq: 5 }), NOW)).toBe(false);
    expect(isMuted(row('a', { mutedUntilMs: NOW + 1 }), NOW + 2)).toBe(false);
  });

  it('stands first when it is pinned, the last pinned before the others', () => {
    const rows = [row('a'), row('b', { pinnedMs: 1 }), row('c'), row('d', { pinnedMs: 2 })];
    expect(pinnedFirst(rows).map(({ id }) => id)).toEqual(['d', 'b', 'a', 'c']);
  });

  it('is listed by its filter, and found by its name wherever it is', () => {
    const rows = [row('ann'), row('anton', { archivedSeq: 5 }), row('annika', { pinnedMs: 1 })];
    const ids = (filter: Parameters<typeof filterRows>[1], query = '') => filterRows(rows, filter, query, NOW).map(({ id }) => id);
    expect(ids('all')).toEqual(['annika', 'ann']);
    expect(ids('unread')).toEqual(['annika', 'ann']);
    expect(ids('archived')).toEqual(['anton']);
    expect(ids('all', 'anton')).toEqual(['anton']);
  });

  it('is looked at again when the next one is heard, and never waits longer than a timer can', () => {
    expect(nextHeardMs([row('a', { mutedUntilMs: NOW + 50 }), row('b', { mutedUntilMs: NOW + 20 })], NOW)).toBe(20);
    expect(nextHeardMs([row('a', { mutedUntilMs: 253_402_214_400_000 }), row('b')], NOW)).toBe(null);
    expect(nextHeardMs([], NOW)).toBe(null);
  });
});
