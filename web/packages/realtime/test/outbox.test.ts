import { expect, test } from 'vitest';
import { InFlight } from '../src/engine/outbox.ts';
import type { Change } from '../src/state/change.ts';
import { Home } from '../src/state/home.ts';
import { emptyValues, Mirror } from '../src/state/mirror.ts';
import { OutboxBook } from '../src/state/outbox-book.ts';
import { OutboxDesk } from '../src/state/outbox-desk.ts';
import type { OutboxRecord } from '../src/state/records.ts';
import { MemoryStore } from '../src/store/memory.ts';
import { openBus } from '../src/tabs/bus.ts';
import { ServerClock } from '../src/util/clock.ts';
import { message } from './events.ts';

const NOBODY_BUSY = (): boolean => false;
const OURS = (): boolean => true;

function record(turn: number, more: Partial<OutboxRecord> = {}): OutboxRecord {
  return {
    clientId: `k${turn}`,
    conversationId: 'c1',
    body: { type: 'text', text: `text ${turn}` },
    turn,
    atMs: turn,
    tab: 't',
    state: 'pending',
    ack: null,
    error: null,
    ...more,
  };
}

/** A tab's outbox, and how often a field of any message was looked at. */
async function counted() {
  const store = new MemoryStore();
  await store.transaction(['meta'], { write: true }, async (tx) => tx.put('meta', 'session', { sessionId: 'S' }));
  const bus = openBus('', false);
  const home = new Home(store, 'S', bus);
  const values = emptyValues();
  const mirror = new Mirror('me', values);
  await mirror.load(store);
  let looks = 0;
  const watched = (one: OutboxRecord): OutboxRecord =>
    new Proxy(one, {
      get: (of, field) => {
        looks += 1;
        return Reflect.get(of, field) as unknown;
      },
    });
  bus.on((message) => {
    if (message.is !== 'change') return;
    const change: Change = message.change;
    mirror.apply(change.outbox ? { ...change, outbox: change.outbox.map(watched) } : change);
  });
  const desk = new OutboxDesk({ home, mirror, clock: new ServerClock(), tab: 't', limit: 100_000, forAll: true });
  return { desk, mirror, home, values, looks: () => looks };
}

test.each(['messages', 'edits', 'conversations'])('what one costs does not grow with how many wait: %s', async (kind) => {
  const looksPerMessage = async (count: number): Promise<number> => {
    const { desk, mirror, home, values, looks } = await counted();
    const stop = values.outbox.subscribe(() => undefined);
    const row = { id: 'c1', kind: 'group', title: 'Walk', peer: null, role: 'member', state: 'accepted', unread: 0, activityMs: 0 };
    mirror.apply({ conversations: [{ ...row, last: message('c1', 5, 0), readSeq: 0, lastSeq: 0, rev: 1, gen: 0 }] });
    mirror.row('c1');
    for (let n = 0; n < count; n += 1) {
      if (kind === 'edits') desk.edit('c1', { messageId: `m${n}`, seq: n }, 'anew');
      else desk.send(kind === 'conversations' ? `c${n % 10}` : 'c1', `text ${n}`);
    }
    // They go out, and their events come.
    const inFlight = new InFlight();
    let sent = 0;
    for (let next = inFlight.take(desk); next !== null; next = inFlight.take(desk)) {
      sent += 1;
      desk.acknowledged(next.clientId, { messageId: `m${sent}`, seq: sent, atMs: sent });
      inFlight.answered(next.clientId);
      home.publish({ settled: [next.clientId] });
    }
    expect([sent, values.outbox.get(), [...mirror.outbox]]).toEqual([count, [], []]);
    stop();
    desk.close();
    return looks() / count;
  };
  const [few, many] = [await looksPerMessage(100), await looksPerMessage(2000)];
  expect(many, `${few} looks for each of 100 messages`).toBeLessThan(1.2 * few);
});

test('messages go out in their order, whatever the order in which they become known', () => {
  const book = new OutboxBook();
  for (const turn of [3, 1, 5, 2, 4]) book.put(record(turn, { conversationId: turn % 2 ? 'c1' : 'c2' }));
  expect([...book].map(({ turn }) => turn)).toEqual([1, 2, 3, 4, 5]);
  expect([...book.messagesOf('c1')].map(({ turn }) => turn)).toEqual([1, 3, 5]);
  expect(book.next(NOBODY_BUSY, OURS)?.turn).toBe(1);
  expect(book.next((id) => id === 'c1', OURS)?.turn).toBe(2);
  expect(book.next(NOBODY_BUSY, ({ turn }) => turn > 2)?.turn).toBe(3);
  // One that failed holds up nothing, and goes behind the others when it is tried again.
  book.put(record(1, { state: 'failed', error: 'not_member' }));
  expect(book.next((id) => id === 'c2', OURS)?.turn).toBe(3);
  book.put(record(1, { turn: book.nextTurn }));
  expect([...book].map(({ clientId }) => clientId)).toEqual(['k2', 'k3', 'k4', 'k5', 'k1']);
  expect(book.delete('k3')?.turn).toBe(3);
  expect(book.delete('k3')).toBeNull();
  expect([...book.messagesOf('c1')].map(({ clientId }) => clientId)).toEqual(['k5', 'k1']);
});

test('the book counts what is not in the log, and finds the last edit of a message', () => {
  const book = new OutboxBook();
  const edits = { messageId: 'm1', seq: 1 };
  book.put(record(1));
  book.put(record(2, { edits, state: 'editing' }));
  book.put(record(3, { edits, state: 'failed' }));
  expect(book.unsettled).toEqual({ count: 3, characters: 18 });
  expect([book.lastMessageOf('c1')?.turn, book.lastEditOf('c1', 'm1')?.turn]).toEqual([1, 3]);
  expect([...book.editsOf('c1', 'm1')].map(({ turn }) => turn)).toEqual([2, 3]);
  book.delete('k3');
  expect(book.lastEdits('c1').get('m1')?.turn).toBe(2);
  book.put(record(1, { state: 'acked', ack: { messageId: 'm9', seq: 9, atMs: 9 } }));
  expect(book.unsettled).toEqual({ count: 1, characters: 6 });
  for (const id of ['k1', 'k2']) book.delete(id);
  expect([book.unsettled, [...book], book.lastMessageOf('c1'), book.next(NOBODY_BUSY, OURS)]).toEqual([
    { count: 0, characters: 0 },
    [],
    null,
    null,
  ]);
});
