import './stores.ts';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type ClientOptions, RealtimeClient } from '../src/index.ts';
import { MemoryStore } from '../src/store/memory.ts';
import { listItem, TestServer } from './server.ts';
import { until } from './soon.ts';

const READ = 'POST /v1/conversations/c1/read';
let server: TestServer;
let address = '';
/** The marks that the server was told, in order. */
let told: number[];
const clients: RealtimeClient[] = [];

beforeEach(async () => {
  server = new TestServer();
  address = await server.listen();
  server.conversations = [listItem('c1', 0)];
  told = [];
  server.answers.set(READ, (usual, body) => {
    told.push((JSON.parse(body) as { seq: number }).seq);
    return usual();
  });
});
afterEach(async () => {
  vi.unstubAllGlobals();
  await Promise.all(clients.splice(0).map((client) => client.close()));
  server.close();
});

async function open(options: Partial<ClientOptions>): Promise<RealtimeClient> {
  const client = await RealtimeClient.open({
    apiBase: `http://${address}`,
    gateways: [`ws://${address}`],
    reconnectBaseMs: 1,
    shareTabs: false,
    ...options,
  });
  clients.push(client);
  return client;
}

/** Logged in, with two unread messages. */
async function withUnread(options: Partial<ClientOptions>): Promise<RealtimeClient> {
  const client = await open(options);
  await client.logIn({ handle: 'me', password: 'x', deviceName: 'd' });
  await until('the list', client.conversations, (rows) => rows.length === 1);
  server.message('c1', 'one');
  server.message('c1', 'two');
  await until('both', client.conversation('c1'), (row) => row?.unread === 2);
  return client;
}

test('a mark that the server was not told of is told in the next run, and once', async () => {
  const store = new MemoryStore();
  let lost = 0;
  server.answers.set(READ, () => {
    lost += 1;
    return [0, null];
  });
  const first = await withUnread({ store });
  first.markRead('c1', 2);
  await until('it to be read here', first.conversation('c1'), (row) => row?.unread === 0);
  await server.until('a call that is lost', () => lost > 0);
  (first as unknown as { abort(): void }).abort();
  server.answers.set(READ, (usual, body) => {
    const { seq } = JSON.parse(body) as { seq: number };
    told.push(seq);
    server.conversations = [listItem('c1', 0, { read_seq: seq })];
    return usual();
  });
  const second = await open({ store });
  await server.until('the mark', () => told.length > 0);
  await vi.waitFor(async () => expect(await store.transaction(['meta'], {}, (tx) => tx.get('meta', 'untoldMarks'))).toEqual({}));
  await second.close();
  const third = await open({ store });
  await until('live', third.connection, ({ state }) => state === 'live');
  expect(told).toEqual([2]);
});

test('a list whose mark is behind is told of the one here', async () => {
  const store = new MemoryStore();
  const first = await withUnread({ store });
  first.markRead('c1', 2);
  await server.until('the mark', () => told.length === 1);
  await until('it to be read here', first.conversation('c1'), (row) => row?.unread === 0);
  await first.close();
  const second = await open({ store });
  await until('live', second.connection, ({ state }) => state === 'live');
  // The server of the test keeps no marks: its row still says 0.
  await second.refreshConversations();
  await server.until('it again', () => told.length === 2);
  expect([told, second.conversation('c1').get()?.unread]).toEqual([[2, 2], 0]);
});

test('a page that goes away says what it has to, in a call that outlives it', async () => {
  const window = new EventTarget();
  vi.stubGlobal('window', window);
  vi.stubGlobal('document', Object.assign(new EventTarget(), { visibilityState: 'visible' }));
  const calls: boolean[] = [];
  const fetch: typeof globalThis.fetch = (input, init) => {
    const request = input as Request;
    if (request.url.endsWith('/read')) calls.push(request.keepalive);
    return globalThis.fetch(input, init);
  };
  const client = await withUnread({ store: new MemoryStore(), fetch });
  client.markRead('c1', 1);
  await server.until('the first', () => told.length === 1);
  client.markRead('c1', 2);
  window.dispatchEvent(new Event('pagehide'));
  await server.until('the second', () => told.includes(2));
  expect([told.at(-1), calls.at(-1)]).toEqual([2, true]);
});

test('what is marked as unread is so on each device, until it is read or answered', async () => {
  const UNREAD = 'POST /v1/conversations/c1/unread';
  const marked: number[] = [];
  server.answers.set(UNREAD, (_usual, body) => {
    marked.push((JSON.parse(body) as { seq: number }).seq);
    return [204, null];
  });
  const client = await withUnread({ store: new MemoryStore() });
  const row = client.conversation('c1');
  client.markRead('c1', 2);
  await until('it to be read', row, (now) => now?.unread === 0);
  await client.markUnread('c1', 2);
  expect([told, marked, row.get()?.unread, row.get()?.unreadFrom, row.get()?.readSeq]).toEqual([[2], [2], 1, 2, 2]);
  // Reading it again is said again, though the mark does not move.
  client.markRead('c1', 2);
  await until('it to be read again', row, (now) => now?.unread === 0 && now.unreadFrom === null);
  await server.until('the call', () => told.length === 2);

  // From another device; and one's own answer ends it.
  const mark = { type: 'READ_MARK_MOVED', chain: 'u:0', user_id: 'me', conversation_id: 'c1', actor_id: 'me', at_ms: 1, read_seq: 2 };
  server.happen({ ...mark, unread_from: 1 } as never);
  await until('both to be unread', row, (now) => now?.unread === 2);
  server.happen({ ...mark } as never);
  await until('none to be', row, (now) => now?.unread === 0);
  server.happen({ ...mark, unread_from: 1 } as never);
  await until('both to be unread once more', row, (now) => now?.unread === 2);
  await client.send('c1', 'an answer').acknowledged;
  await until('it to be answered', row, (now) => now?.unread === 0 && now.unreadFrom === null);
});
