import './stores.ts';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { hasRead, type MessageItem, RealtimeClient, type ReceiptsState, readersOf, stageOf } from '../src/index.ts';
import { MemoryStore } from '../src/store/memory.ts';
import { listItem, TestServer } from './server.ts';
import { until } from './soon.ts';

let server: TestServer;
let address = '';
const clients: RealtimeClient[] = [];

beforeEach(async () => {
  server = new TestServer();
  address = await server.listen();
  server.conversations = [listItem('c1', 0)];
});
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
  server.close();
});

async function loggedIn(store = new MemoryStore()): Promise<RealtimeClient> {
  const client = await RealtimeClient.open({
    apiBase: `http://${address}`,
    gateways: [`ws://${address}`],
    store,
    reconnectBaseMs: 1,
    reportIntervalMs: 1,
  });
  clients.push(client);
  if (client.session.get().status === 'out') await client.logIn({ handle: 'me', password: 'x', deviceName: 'd' });
  await until('live', client.connection, ({ state }) => state === 'live');
  return client;
}

const by = (user: string, read: number, after = 0): object => ({ user_id: user, after_seq: after, read_seq: read });
const PATH = 'GET /v1/conversations/c1/receipts';

function serverSays(named: boolean, ...read: object[]): () => number {
  server.answers.set(PATH, () => [200, { named, read }]);
  return () => server.requests.filter((request) => request === PATH).length;
}

const frame = (...read: unknown[]): void => server.frame({ type: 'receipts', conversation_id: 'c1', read });
const places = ({ read }: ReceiptsState): object =>
  Object.fromEntries([...read].map(([user, mark]) => [user, [mark.afterSeq, mark.readSeq]]));

test('receipts are read once, follow what comes, never go back, and are read again after a connection', async () => {
  const store = new MemoryStore();
  const client = await loggedIn(store);
  const readings = serverSays(true, by('u1', 3), by('me', 9));
  const receipts = client.receipts('c1');
  expect([receipts.get().named, readings()]).toEqual([null, 0]);
  receipts.subscribe(() => undefined);
  await until('what they have read', receipts, ({ named }) => named === true);
  expect(places(receipts.get()), 'one’s own is none of theirs').toEqual({ u1: [0, 3] });

  frame(by('u1', 5), by('u2', 4, 2), 'nonsense', { user_id: 7 }, null);
  await until('news', receipts, ({ read }) => read.get('u2')?.readSeq === 4);
  frame(by('u1', 2), by('u2', 6, 1));
  await until('later news', receipts, ({ read }) => read.get('u2')?.readSeq === 6);
  expect(places(receipts.get())).toEqual({ u1: [0, 5], u2: [2, 6] });
  expect(readings()).toBe(1);

  // Somebody is gone, and some news was lost.
  serverSays(true, by('u1', 8));
  server.break();
  await until('the state', receipts, ({ read }) => read.get('u1')?.readSeq === 8);
  expect(places(receipts.get())).toEqual({ u1: [0, 8] });

  // The next run shows them before the server answers.
  await vi.waitFor(async () => {
    const kept = await store.transaction(['meta'], {}, (tx) => tx.get('meta', 'receipts:c1'));
    expect((kept as ReceiptsState | undefined)?.read.get('u1')?.readSeq).toBe(8);
  }, 8000);
  await clients.pop()?.close();
  server.answers.set(PATH, () => [503, { code: 'unavailable' }]);
  const next = await loggedIn(store);
  const known = next.receiptsKnown('c1');
  known.subscribe(() => undefined);
  await until('what is stored', known, ({ read }) => read.get('u1')?.readSeq === 8);
});

test('receipts that come while the server is asked are kept, and rows of a list ask for nothing', async () => {
  const client = await loggedIn();
  const known = client.receiptsKnown('c1');
  known.subscribe(() => undefined);
  server.answers.set(PATH, async () => {
    frame(by('u1', 7));
    await until('the frame', known, ({ read }) => read.get('u1')?.readSeq === 7);
    return [200, { named: true, read: [by('u1', 3)] }];
  });
  expect(server.requests).not.toContain(PATH);
  const receipts = client.receipts('c1');
  receipts.subscribe(() => undefined);
  await until('the answer', receipts, ({ named }) => named === true);
  expect(places(receipts.get())).toEqual({ u1: [0, 7] });
});

test('receipts of a request are read again when it was answered', async () => {
  const client = await loggedIn();
  serverSays(false);
  const receipts = client.receipts('c1');
  receipts.subscribe(() => undefined);
  await until('the answer', receipts, ({ named }) => named === false);
  serverSays(true, by('u1', 4), by('u2', 2));
  frame(by('u1', 4));
  await until('all of it', receipts, ({ read }) => read.size === 2);
  expect([receipts.get().named, places(receipts.get())]).toEqual([true, { u1: [0, 4], u2: [0, 2] }]);
});

test('receipts are empty when they are switched off, here or on another device, and when one is out', async () => {
  const client = await loggedIn();
  serverSays(true, by('u1', 3));
  const receipts = client.receipts('c1');
  receipts.subscribe(() => undefined);
  await until('receipts', receipts, ({ read }) => read.size === 1);
  server.answers.set('GET /v1/users/me/settings', () => [200, { read_receipts: true }]);
  client.settings.subscribe(() => undefined);
  await until('the setting', client.settings, (settings) => settings?.readReceipts === true);

  serverSays(true);
  server.happen({ type: 'SETTINGS_CHANGED', chain: 'u:0', user_id: 'me', actor_id: 'me', at_ms: 1, read_receipts: false } as never);
  await until('off', client.settings, (settings) => settings?.readReceipts === false);
  await until('nothing', receipts, ({ read, named }) => read.size === 0 && named === true);

  server.answers.set('PATCH /v1/users/me/settings', (_, body) => [200, JSON.parse(body)]);
  serverSays(true, by('u1', 4));
  // A server of before says nothing of presence.
  const settings = { readReceipts: true, presenceTo: 'contacts', availability: 'available' };
  expect(await client.api.changeSettings({ readReceipts: true })).toEqual(settings);
  expect(client.settings.get()).toEqual(settings);
  server.happen({ type: 'SETTINGS_CHANGED', chain: 'u:0', user_id: 'me', actor_id: 'me', at_ms: 1, availability: 'invisible' } as never);
  await until('invisible', client.settings, (now) => now?.availability === 'invisible' && now.readReceipts);
  server.happen({ type: 'SETTINGS_CHANGED', chain: 'u:0', user_id: 'me', actor_id: 'me', at_ms: 1, read_receipts: true } as never);
  await until('on again', receipts, ({ read }) => read.get('u1')?.readSeq === 4);

  serverSays(true, by('u1', 5));
  server.happen({ type: 'MEMBER_REMOVED', chain: 'c:c1', conversation_id: 'c1', actor_id: 'x', at_ms: 1, user_id: 'me' } as never);
  await until('out', receipts, ({ read }) => read.size === 0);
});

test('what was read while receipts were off is told before they are switched on', async () => {
  server.conversations = [listItem('c1', 9)];
  const client = await loggedIn();
  server.answers.set('PATCH /v1/users/me/settings', (_, body) => [200, JSON.parse(body)]);
  server.answers.set('POST /v1/conversations/c1/read', () => [204, null]);
  client.markRead('c1', 1);
  await server.until('the first mark', () => server.requests.includes('POST /v1/conversations/c1/read'));
  client.markRead('c1', 5);
  await client.api.changeSettings({ readReceipts: true });
  const order = server.requests.filter((request) => /read$|settings$/.test(request));
  expect(order).toEqual(['POST /v1/conversations/c1/read', 'POST /v1/conversations/c1/read', 'PATCH /v1/users/me/settings']);
});

test('a message is read when all others have read it, and what they do not tell does not count', () => {
  const item = { seq: 5, state: 'sent' } as MessageItem;
  const state = (...marks: [string, number, number][]): ReceiptsState => ({
    named: true,
    read: new Map(marks.map(([user, afterSeq, readSeq]) => [user, { afterSeq, readSeq }])),
    delivered: new Map(),
  });
  expect(hasRead({ afterSeq: 5, readSeq: 9 }, 5)).toBe(false);
  expect(readersOf(item, state(['a', 0, 5], ['b', 0, 4], ['c', 5, 9]), ['a', 'b', 'c'])).toEqual(['a']);
  expect(stageOf(item, state(['a', 0, 5], ['b', 0, 6]), ['a', 'b'])).toBe('read');
  expect(stageOf(item, state(['a', 0, 5]), ['a', 'b'])).toBe('sent');
  expect(stageOf(item, state(['a', 0, 5], ['late', 7, 7]), ['a', 'late'])).toBe('read');
  expect(stageOf(item, state(['late', 7, 9]), ['late'])).toBe('sent');
  expect(stageOf(item, state(), []), 'alone').toBe('sent');
  const devices = (...delivered: [string, number][]): ReceiptsState => ({ ...state(['b', 0, 6]), delivered: new Map(delivered) });
  expect(stageOf(item, devices(['a', 5]), ['a', 'b']), 'who has read it has it').toBe('delivered');
  expect(stageOf(item, devices(['a', 4]), ['a', 'b'])).toBe('sent');
  expect(stageOf({ ...item, seq: null, state: 'pending' }, state(['a', 0, 9]), ['a'])).toBe('pending');
});

test('what others’ devices have follows what comes and is not lost to an older answer', async () => {
  const client = await loggedIn();
  server.answers.set(PATH, () => [200, { named: true, read: [by('u1', 0)], delivered: [{ user_id: 'u1', seq: 3 }] }]);
  const receipts = client.receipts('c1');
  receipts.subscribe(() => undefined);
  await until('the answer', receipts, ({ delivered }) => delivered.get('u1') === 3);
  server.frame({ type: 'receipts', conversation_id: 'c1', delivered: [{ user_id: 'u1', seq: 9 }, { user_id: 'u2', seq: 'x' }, 7] });
  await until('news', receipts, ({ delivered }) => delivered.get('u1') === 9);
  const readings = () => server.requests.filter((request) => request === PATH).length;
  const before = readings();
  server.break();
  await server.until('another answer', () => readings() > before);
  await until('live', client.connection, ({ state }) => state === 'live');
  expect(receipts.get().delivered.get('u1')).toBe(9);
});

test('others are told that their messages came, at most once a second, and not by one’s own', async () => {
  server.conversations = [listItem('c1', 0), listItem('c2', 0)];
  await loggedIn();
  const said = () => server.received;
  for (let n = 0; n < 20; n += 1) server.message(n % 2 === 0 ? 'c1' : 'c2', `text ${n}`);
  server.message('c1', 'mine', { actor_id: 'me' });
  await server.until('the word', () => said().length > 0);
  expect(said()).toEqual([
    {
      type: 'received',
      conversations: [
        { conversation_id: 'c1', seq: 19 },
        { conversation_id: 'c2', seq: 20 },
      ],
    },
  ]);
  server.message('c1', 'later');
  await server.until('the next word', () => said().length > 1);
  expect(said()[1]?.conversations).toEqual([{ conversation_id: 'c1', seq: 22 }]);
});

test('what may have been lost with a socket is said again on the next one', async () => {
  await loggedIn();
  server.message('c1', 'one');
  await server.until('the word', () => server.received.length === 1);
  server.cut();
  await server.until('the word again', () => server.received.length === 2);
  expect(server.received[1]).toEqual(server.received[0]);
});

test('a server of before that does not know the word is not told again, and the program hears nothing of it', async () => {
  const client = await loggedIn();
  const notices: unknown[] = [];
  client.onNotice((notice) => notices.push(notice));
  const said = () => server.received.length;
  server.message('c1', 'one');
  await server.until('the word', () => said() === 1);
  server.frame({ type: 'error', code: 'unknown_command', message: 'no', retryable: false });
  server.message('c1', 'two');
  await until('the second', client.conversation('c1'), (row) => row?.lastSeq === 2);
  await new Promise((resolve) => setTimeout(resolve, 1200));
  expect([said(), notices]).toEqual([1, []]);
});
