import { describe, expect, test } from 'vitest';
import { Window } from '../src/state/window.ts';
import {
  appendLive,
  editStored,
  eraseStored,
  forgetHistory,
  insertHistory,
  readAfter,
  readBefore,
  readSpans,
  trimHistory,
} from '../src/store/history.ts';
import { MemoryStore } from '../src/store/memory.ts';
import { addSpan } from '../src/store/spans.ts';
import type { Store, Tx } from '../src/store/store.ts';
import type { MessageEdited, MessageSent, ServerEvent } from '../src/wire/events.ts';
import { message } from './events.ts';
import { stores } from './stores.ts';

const C = 'c1';
const write = <T>(store: Store, work: (tx: Tx) => Promise<T>): Promise<T> => store.transaction(['pages', 'spans'], { write: true }, work);
const seqs = (events: readonly ServerEvent[]): number[] => events.map((event) => event.seq);

test('spans that share a place become one', () => {
  expect(addSpan([{ from: 10, to: 20 }], { from: 20, to: 30 })).toEqual([{ from: 10, to: 30 }]);
  expect(addSpan([{ from: 10, to: 20 }], { from: 21, to: 30 })).toEqual([
    { from: 10, to: 20 },
    { from: 21, to: 30 },
  ]);
  expect(
    addSpan(
      [
        { from: 0, to: 5 },
        { from: 10, to: 20 },
      ],
      { from: 4, to: 12 },
    ),
  ).toEqual([{ from: 0, to: 20 }]);
});

describe.each(stores)('history in %s', (_name, open) => {
  test('live events follow each other by prev, and a hole begins another part', async () => {
    const store = await open();
    const live = (seq: number, prev: number | null, follows: number | null = null) => ({ event: message(C, seq, prev), follows });
    await write(store, (tx) => appendLive(tx, C, [live(10, 7), live(12, 10), live(20, 15), live(22, null, 20), live(30, null)]));
    expect(await write(store, (tx) => readSpans(tx, C))).toEqual([
      { from: 10, to: 12 },
      { from: 20, to: 22 },
      { from: 30, to: 30 },
    ]);
    const newest = await write(store, (tx) => readBefore(tx, C, null, 10));
    expect(seqs(newest.events)).toEqual([30]);
    expect(seqs((await write(store, (tx) => readBefore(tx, C, 22, 10))).events)).toEqual([20]);
    expect(seqs((await write(store, (tx) => readAfter(tx, C, 10, 10))).events)).toEqual([12]);
    expect((await write(store, (tx) => readBefore(tx, C, 18, 10))).span).toBeNull();
  });

  test('the newest edit of the sender counts, whichever copy comes later, and nothing edits what was erased', async () => {
    const store = await open();
    const edit = (seq: number, of: number, text: string, by = 'other'): MessageEdited => ({
      type: 'MESSAGE_EDITED',
      chain: `c:${C}`,
      seq,
      prev: seq - 1,
      v: 1,
      conversation_id: C,
      event_id: `e${seq}`,
      actor_id: by,
      at_ms: seq,
      client_id: `k${seq}`,
      message_id: `m${of}`,
      message_seq: of,
      body: { type: 'text', text },
    });
    const said = async () => {
      const { events } = await write(store, (tx) => readBefore(tx, C, null, 10));
      return events.flatMap((event) => (event.type === 'MESSAGE_SENT' ? [(event as MessageSent).body] : []));
    };
    const live = (...events: ServerEvent[]) =>
      write(store, (tx) =>
        appendLive(
          tx,
          C,
          events.map((event) => ({ event, follows: null })),
        ),
      );
    await live(message(C, 1, 0), message(C, 2, 1));
    for (const one of [edit(4, 1, 'newest'), edit(3, 1, 'older'), edit(5, 1, 'forged', 'somebody'), edit(6, 2, 'second')])
      await write(store, (tx) => editStored(tx, C, one));
    expect(await said()).toEqual([
      { type: 'text', text: 'newest' },
      { type: 'text', text: 'second' },
    ]);
    // A page of the server's that is older, and one that is newer.
    await write(store, (tx) => insertHistory(tx, C, [message(C, 1, 0)], { from: 0, to: 2 }));
    expect((await said())[0]).toEqual({ type: 'text', text: 'newest' });
    const later = message(C, 1, 0, { body: { type: 'text', text: 'later' }, edited_seq: 9, edited_at_ms: 9 });
    await write(store, (tx) => insertHistory(tx, C, [later], { from: 0, to: 2 }));
    expect((await said())[0]).toEqual({ type: 'text', text: 'later' });
    await write(store, (tx) => eraseStored(tx, C, 2, 'm2'));
    await write(store, (tx) => editStored(tx, C, edit(10, 2, 'again')));
    expect((await said())[1]).toEqual({ type: 'erased' });
    // An edit that came before its message was read counts for it.
    await live(edit(21, 20, 'edited before it was read'));
    await write(store, (tx) => insertHistory(tx, C, [message(C, 20, 2)], { from: 2, to: 21 }));
    expect((await said()).at(-1)).toEqual({ type: 'text', text: 'edited before it was read' });
  });

  test('pages from the server join what is there', async () => {
    const store = await open();
    await write(store, (tx) => appendLive(tx, C, [{ event: message(C, 100, 99), follows: null }]));
    const page = Array.from({ length: 50 }, (_, n) => message(C, 50 + n, null));
    await write(store, (tx) => insertHistory(tx, C, page, { from: 50, to: 99 }));
    await write(store, (tx) => insertHistory(tx, C, [], { from: 99, to: 100 }));
    expect(await write(store, (tx) => readSpans(tx, C))).toEqual([{ from: 50, to: 100 }]);
    expect(seqs((await write(store, (tx) => readBefore(tx, C, null, 3))).events)).toEqual([98, 99, 100]);
  });

  test('a thousand events in random order read back in order, in pages of fifty', async () => {
    const store = await open();
    const all = Array.from({ length: 1000 }, (_, n) => message(C, 3 * n + 1, null));
    const shuffled = [...all].sort(() => Math.random() - 0.5);
    for (let at = 0; at < shuffled.length; at += 37) {
      await write(store, (tx) => insertHistory(tx, C, shuffled.slice(at, at + 37), null));
    }
    await write(store, (tx) => insertHistory(tx, C, [], { from: 0, to: 3000 }));
    const read = await write(store, (tx) => readBefore(tx, C, null, 5000));
    expect(seqs(read.events)).toEqual(seqs(all));
    expect(seqs((await write(store, (tx) => readAfter(tx, C, 1500, 40))).events)).toEqual(
      seqs(all.filter(({ seq }) => seq > 1500).slice(0, 40)),
    );
    const pages = await write(store, (tx) => tx.range('pages', { name: C, from: 0, to: 9999, begin: 'first', limit: 9999 }));
    expect(Math.max(...pages.map((page) => (page.value as unknown[]).length))).toBeLessThanOrEqual(50);
  });

  test('what was erased stays erased', async () => {
    const store = await open();
    await write(store, (tx) => insertHistory(tx, C, [message(C, 5, 0)], { from: 0, to: 5 }));
    await write(store, (tx) => eraseStored(tx, C, 5, 'm5'));
    await write(store, (tx) => insertHistory(tx, C, [message(C, 5, 0)], null));
    const { events } = await write(store, (tx) => readBefore(tx, C, null, 1));
    expect((events[0] as { body?: unknown }).body).toEqual({ type: 'erased' });
  });

  test('a conversation can be forgotten without its neighbours', async () => {
    const store = await open();
    for (const id of ['c0', 'c1', 'c2']) await write(store, (tx) => insertHistory(tx, id, [message(id, 5, 0)], { from: 0, to: 5 }));
    await write(store, async (tx) => forgetHistory(tx, 'c1', null));
    expect((await write(store, (tx) => readBefore(tx, 'c1', null, 5))).span).toBeNull();
    for (const id of ['c0', 'c2']) expect((await write(store, (tx) => readBefore(tx, id, null, 5))).events).toHaveLength(1);
  });

  test('a history that is trimmed keeps its end and knows what it lost', async () => {
    const store = await open();
    const all = Array.from({ length: 500 }, (_, n) => message(C, n + 1, null));
    await write(store, (tx) => insertHistory(tx, C, all, { from: 0, to: 500 }));
    await write(store, (tx) => trimHistory(tx, C, 2));
    expect(await write(store, (tx) => readSpans(tx, C))).toEqual([{ from: 401, to: 500 }]);
    expect(seqs((await write(store, (tx) => readBefore(tx, C, null, 999))).events)).toEqual(seqs(all).slice(400));
    expect(await write(store, (tx) => tx.count('pages'))).toBe(2);
    expect((await write(store, (tx) => readBefore(tx, C, 401, 5))).span).toBeNull();
  });

  test('a transaction that fails changes nothing', async () => {
    const store = await open();
    const failing = write(store, async (tx) => {
      tx.put('spans', C, [{ from: 0, to: 1 }]);
      await tx.get('spans', C);
      throw new RangeError('x');
    });
    await expect(failing).rejects.toThrow(RangeError);
    expect(await write(store, (tx) => readSpans(tx, C))).toEqual([]);
  });
});

test('pages and windows are bounded in what their texts hold', async () => {
  const long = (seq: number) => message(C, seq, seq - 1, { body: { type: 'text', text: 'x'.repeat(16_000) } });
  const store = new MemoryStore();
  const events = Array.from({ length: 600 }, (_, n) => long(n + 1));
  await write(store, (tx) => insertHistory(tx, C, events, { from: 0, to: 600 }));
  expect(await store.transaction(['pages'], {}, (tx) => tx.count('pages'))).toBe(120);
  expect(seqs((await store.transaction(['pages', 'spans'], {}, (tx) => readBefore(tx, C, null, 600))).events)).toHaveLength(600);
  const window = new Window();
  window.replace({ events, span: { from: 0, to: 600 }, isEnd: true });
  window.trimStart();
  expect(window.events.length).toBeLessThan(550);
  expect(window.events.at(-1)?.seq).toBe(600);
  expect(window.from).toBe(window.events[0]?.seq);
});
