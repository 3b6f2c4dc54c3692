import './stores.ts';
import { expect, test } from 'vitest';
import { type MessageItem, RealtimeClient } from '../src/index.ts';
import { openIndexedDb } from '../src/store/indexeddb.ts';
import { MemoryStore } from '../src/store/memory.ts';
import type { Store } from '../src/store/store.ts';
import type { MessageSent } from '../src/wire/events.ts';
import { listItem, TestServer } from './server.ts';
import { soon, until } from './soon.ts';
import { newName } from './stores.ts';

const CONVERSATIONS = ['c1', 'c2', 'c3'];
const pick = <T>(all: readonly T[]): T => all[Math.floor(Math.random() * all.length)] as T;

/** A text and whose it is, as a server or a history tells it. */
const line = (senderId: string, body: unknown): string => `${senderId}: ${(body as { text?: string }).text}`;

test.each<[string, () => () => Promise<Store>]>([
  [
    'memory',
    () => {
      const store = new MemoryStore();
      return async () => store;
    },
  ],
  [
    'IndexedDB',
    () => {
      const name = newName();
      return () => openIndexedDb(name);
    },
  ],
])('links that break all the time, in %s: everything once and in order, and the counts are right', async (_name, make) => {
  const openStore = make();
  const server = new TestServer();
  const address = await server.listen();
  server.conversations = CONVERSATIONS.map((id) => listItem(id, 0));
  const options = {
    apiBase: `http://${address}`,
    gateways: [`ws://${address}`],
    store: await openStore(),
    reconnectBaseMs: 1,
    reportIntervalMs: 1,
  };
  let client = await RealtimeClient.open(options);
  await client.logIn({ handle: 'me', password: 'x', deviceName: 'd' });
  await until('the list', client.conversations, (rows) => rows.length === CONVERSATIONS.length);
  const heard: string[] = [];
  client.onEvent((event) => heard.push(`${event.chain} ${event.seq}`));
  const shown = client.timeline('c1');
  server.loses = () => Math.random() < 0.1;
  const acks: Promise<unknown>[] = [];
  for (let n = 0; n < 300; n += 1) {
    if (Math.random() < 0.6) server.message(pick(CONVERSATIONS), `theirs ${n}`);
    else acks.push(client.send(pick(CONVERSATIONS), `mine ${n}`).acknowledged);
    if (Math.random() < 0.05) server.break();
    // Lets the client's side run.
    if (n % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  server.loses = () => false;
  await soon('every ack', () => Promise.all(acks));
  await server.until('everything to be told', () => new Set(heard).size === server.log.length);
  expect(heard.length, 'each event is told once in one run').toBe(server.log.length);
  await until('an empty outbox', client.outbox, (waiting) => waiting.length === 0);

  const inLog = (id: string): string[] =>
    server.log
      .filter(({ chain }) => chain === `c:${id}`)
      .map((event) => line((event as MessageSent).actor_id, (event as MessageSent).body));
  const items = (all: readonly unknown[]): string[] => all.map((item) => line((item as MessageItem).senderId, (item as MessageItem).body));
  // Acknowledged messages whose event is on its way show at the end: it is right once everything has come.
  const isWhole = (seen: readonly string[]): boolean =>
    seen.length > 0 && JSON.stringify(seen) === JSON.stringify(inLog('c1').slice(-seen.length));
  await until('the open history', shown, (state) => isWhole(items(state.items)));

  // The next run has it all from the store, and asks for no history.
  await client.close();
  server.requests.length = 0;
  client = await RealtimeClient.open({ ...options, store: await openStore() });
  for (const id of CONVERSATIONS) {
    const row = client.conversation(id).get();
    const theirs = server.log.filter((event) => event.chain === `c:${id}` && (event as MessageSent).actor_id === 'other').length;
    expect([row?.unread, row?.lastSeq]).toEqual([theirs, server.log.findLast(({ chain }) => chain === `c:${id}`)?.seq]);
    const timeline = client.timeline(id);
    await until('the history', timeline, ({ opening, loading }) => !opening && !loading);
    while (timeline.get().hasOlder) await timeline.loadOlder();
    expect(items(timeline.get().items)).toEqual(inLog(id));
  }
  expect(server.requests.filter((request) => request === 'GET /v1/messages')).toEqual([]);
  await client.close();
  server.close();
});
