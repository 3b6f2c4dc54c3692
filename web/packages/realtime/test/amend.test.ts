import './stores.ts';
import { expect, test, vi } from 'vitest';
import type { MessageItem } from '../src/index.ts';
import { amended } from '../src/store/amend.ts';
import { MemoryStore } from '../src/store/memory.ts';
import type { Store } from '../src/store/store.ts';
import type { Transport } from '../src/transport/transport.ts';
import { WebSocketTransport } from '../src/transport/websocket.ts';
import type { ServerEvent } from '../src/wire/events.ts';
import { message } from './events.ts';
import { listItem, type TestServer } from './server.ts';
import { held, onServer } from './set-up.ts';
import { until } from './soon.ts';

let server: TestServer;
const { open, loggedIn } = onServer((fresh) => {
  server = fresh;
  server.conversations = [listItem('c1', 0)];
});

const erasure = (seq: number): ServerEvent & { chain: string } =>
  ({
    type: 'MESSAGE_ERASED',
    chain: 'c:c1',
    conversation_id: 'c1',
    actor_id: 'x',
    at_ms: 1,
    message_id: `m${seq}`,
    message_seq: seq,
    sender_id: 'other',
    client_id: `k${seq}`,
    sent_at_ms: 1,
    stored_at_ms: 1,
  }) as never;

/** The server erases a message, and no event tells this device. */
function eraseUnseen(seq: number): void {
  const at = server.log.findIndex((event) => event.seq === seq);
  server.log[at] = { ...server.log[at], body: { type: 'erased' } } as never;
}

const bodies = (items: readonly unknown[]): unknown[] =>
  items.map((item) => {
    const { body } = item as MessageItem;
    return (body as { text?: string }).text ?? body.type;
  });
const storedTexts = (store: Store): Promise<string> =>
  store.transaction(['pages'], {}, async (tx) =>
    JSON.stringify(await tx.range('pages', { name: 'c1', from: 0, to: 9999, begin: 'first', limit: 9999 })),
  );

test.each(['too_old', 'too_much'])('what was erased in the hole of a reset (%s) is not readable any more', async (reason) => {
  const store = new MemoryStore();
  for (let n = 1; n <= 3; n += 1) server.message('c1', `text ${n}`);
  const client = await loggedIn({ store });
  const timeline = client.timeline('c1');
  await until('the history', timeline, ({ items, loading }) => items.length === 3 && !loading);
  eraseUnseen(2);
  server.frame({ type: 'reset', reason, position: '3' });
  await until('it to go', timeline, ({ items }) => bodies(items)[1] === 'erased');
  expect(bodies(timeline.get().items)).toEqual(['text 1', 'erased', 'text 3']);
  await vi.waitFor(async () => expect(await storedTexts(store)).toContain('text 3'));
  expect(await storedTexts(store)).not.toContain('text 2');
});

test('a conversation that nobody looks at keeps nothing of before a reset either', async () => {
  const store = new MemoryStore();
  const client = await loggedIn({ store });
  server.message('c1', 'secret');
  await until('the message', client.conversation('c1'), (row) => row?.unread === 1);
  client.drafts.set('c1', 'half a thought');
  eraseUnseen(1);
  server.frame({ type: 'reset', reason: 'too_much', position: '1' });
  await until('the row', client.conversation('c1'), (row) => row?.last?.body.type === 'erased');
  expect(await storedTexts(store)).toBe('[]');
  expect(client.drafts.get().get('c1')).toBe('half a thought');
});

test('a reset leaves the place where one reads', async () => {
  for (let n = 1; n <= 600; n += 1) server.message('c1', `text ${n}`);
  const client = await loggedIn();
  const timeline = client.timeline('c1');
  await until('the end', timeline, ({ loading, items }) => items.length === 50 && !loading);
  await timeline.jumpTo({ seq: 100 });
  for (let n = 0; n < 5; n += 1) await timeline.loadNewer();
  const before = bodies(timeline.get().items);
  expect(before.length).toBeGreaterThan(200);
  eraseUnseen(150);
  eraseUnseen(320);
  server.frame({ type: 'reset', reason: 'too_old', position: '600' });
  const now = await until(
    'both to go',
    timeline,
    ({ items, loading }) => !loading && bodies(items).filter((body) => body === 'erased').length === 2,
  );
  expect(bodies(now.items).slice(0, before.length)).toEqual(
    before.map((text) => (text === 'text 150' || text === 'text 320' ? 'erased' : text)),
  );
  expect(now).toMatchObject({ hasNewer: true, error: null });
});

test('an answer from before a reset is neither shown nor stored', async () => {
  const store = new MemoryStore();
  server.message('c1', 'secret');
  const client = await loggedIn({ store });
  const history = held();
  server.answers.set('GET /v1/messages', history.answer);
  const timeline = client.timeline('c1');
  await history.asked;
  server.answers.clear();
  eraseUnseen(1);
  server.frame({ type: 'reset', reason: 'too_old', position: '1' });
  await until('it read again', timeline, ({ items }) => bodies(items)[0] === 'erased').finally(history.go);
  await until('an end', timeline, ({ loading }) => !loading);
  expect(bodies(timeline.get().items)).toEqual(['erased']);
  expect(await storedTexts(store)).not.toContain('secret');
});

test('what is erased while its page is on the way does not come back', async () => {
  const store = new MemoryStore();
  server.message('c1', 'secret');
  server.message('c1', 'another');
  const client = await loggedIn({ store });
  const history = held();
  server.answers.set('GET /v1/messages', history.answer);
  const timeline = client.timeline('c1');
  await history.asked;
  server.answers.clear();
  server.happen(erasure(1) as never);
  await until('the erasure', client.conversation('c1'), (row) => row?.lastSeq === 3);
  history.go();
  const { items } = await until('the history', timeline, ({ items: all, loading }) => all.length === 2 && !loading);
  expect(bodies(items)).toEqual(['erased', 'another']);
  expect(await storedTexts(store)).not.toContain('secret');
});

test('what is erased before the first connection, and after its history was read, is not readable any more', async () => {
  const store = new MemoryStore();
  server.message('c1', 'secret');
  const real = new WebSocketTransport();
  let isUp = false;
  const transport: Transport = { connect: (url, listener) => real.connect(isUp ? url : 'ws://127.0.0.1:1', listener) };
  const client = await open({ store, transport });
  await client.logIn({ handle: 'me', password: 'x', deviceName: 'd' });
  const timeline = client.timeline('c1');
  await until('the history', timeline, ({ items, loading }) => items.length === 1 && !loading);
  eraseUnseen(1);
  isUp = true;
  client.retryNow();
  await until('it to go', timeline, ({ items }) => bodies(items)[0] === 'erased');
  expect(await storedTexts(store)).not.toContain('secret');
});

test('an erasure amends its message, and no other', () => {
  const events = [message('c1', 1, 0), message('c1', 2, 1)];
  const [first, second] = amended(events, [erasure(2), { ...erasure(1), message_id: 'another' } as never, message('c1', 3, 2)]);
  expect(first).toBe(events[0]);
  expect(second).toMatchObject({ message_id: 'm2', body: { type: 'erased' } });
});

test('an edit amends its message, the newest counts, and nothing follows an erasure', () => {
  const edit = (seq: number, text: string): ServerEvent =>
    ({
      type: 'MESSAGE_EDITED',
      chain: 'c:c1',
      seq,
      v: 1,
      conversation_id: 'c1',
      actor_id: 'other',
      at_ms: seq,
      event_id: `e${seq}`,
      message_id: 'm1',
      message_seq: 1,
      client_id: `k${seq}`,
      body: { type: 'text', text },
    }) as never;
  const events = [message('c1', 1, 0)];
  expect(amended(events, [edit(9, 'newest'), edit(8, 'older')])).toMatchObject([{ body: { text: 'newest' }, edited_seq: 9 }]);
  for (const others of [
    [edit(9, 'newest'), erasure(1)],
    [erasure(1), edit(9, 'newest')],
  ])
    expect(amended(events, others)).toMatchObject([{ body: { type: 'erased' } }]);
});
