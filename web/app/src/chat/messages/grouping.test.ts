import { describe, expect, it } from 'vitest';
import type { MessageItem } from '@/types';
import { buildRows, GROUP_GAP_MS, type MessageRow, type Row } from './grouping';

const NOON = new Date(2026, 10, 27, 12).getTime();

function message(seq: number, senderId: string, atMs: number): MessageItem {
  return {
    kind: 'message',
    key: `k${seq}`,
    seq,
    senderId,
    atMs,
    body: { type: 'text', text: 't' },
    state: 'sent',
    error: null,
    clientId: `k${seq}`,
    messageId: `m${seq}`,
    replyTo: null,
    editedMs: null,
    editing: null,
    reactions: [],
    thread: null,
    replies: null,
  };
}

const shape = (rows: Row[]) => rows.map((row) => row.kind === 'message' && [row.first, row.last]);

describe('buildRows', () => {
  it('groups a sender within five minutes', () => {
    const rows = buildRows(
      [message(1, 'a', NOON), message(2, 'a', NOON + GROUP_GAP_MS), message(3, 'a', NOON + 2 * GROUP_GAP_MS + 1)],
      'me',
      null,
    );
    expect(shape(rows)).toEqual([
      [true, false],
      [false, true],
      [true, true],
    ]);
  });

  it('begins a group with another sender', () => {
    expect(shape(buildRows([message(1, 'a', NOON), message(2, 'b', NOON)], 'me', null))).toEqual([
      [true, true],
      [true, true],
    ]);
  });

  it('begins a group and a day at midnight', () => {
    const before = new Date(2026, 10, 27, 23, 59).getTime();
    const rows = buildRows([message(1, 'a', before), message(2, 'a', before + 2 * 60_000)], 'me', null);
    expect(rows.map((row) => row.day !== null)).toEqual([true, true]);
    expect(shape(rows)).toEqual([
      [true, true],
      [true, true],
    ]);
  });

  it('puts the divider before the first new message of another, and ends the group above', () => {
    const rows = buildRows([message(1, 'a', NOON), message(2, 'me', NOON), message(3, 'a', NOON), message(4, 'a', NOON)], 'me', 1);
    expect(rows.map((row) => row.startsNew)).toEqual([false, false, true, false]);
    const split = buildRows([message(1, 'a', NOON), message(2, 'a', NOON)], 'me', 1);
    expect(shape(split)).toEqual([
      [true, true],
      [true, true],
    ]);
  });

  it('hands back rows that say the same', () => {
    const items = [message(1, 'a', NOON), message(2, 'b', NOON)];
    const first = buildRows(items, 'me', null);
    const kept = new Map(first.map((row) => [row.key, row]));
    const second = buildRows([...items, message(3, 'b', NOON)], 'me', null, kept);
    expect(second[0]).toBe(first[0]);
    expect(second[1]).not.toBe(first[1]);
    expect((second[1] as MessageRow).last).toBe(false);
  });
});
