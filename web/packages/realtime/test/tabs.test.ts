import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type ClientOptions, type Notice, RealtimeClient } from '../src/index.ts';
import { openIndexedDb } from '../src/store/indexeddb.ts';
import type { Store, Table, Tx, TxOptions } from '../src/store/store.ts';
import { openBus } from '../src/tabs/bus.ts';
import { Leadership } from '../src/tabs/leadership.ts';
import { currentPage } from '../src/tabs/page.ts';
import { listItem, TestServer } from './server.ts';
import { soon, until } from './soon.ts';
import { newName } from './stores.ts';

// Locks, channels and IndexedDB are those of Node and of a complete implementation; each client is a tab.
let server: TestServer;
let address = '';
let name = '';
let tabs: RealtimeClient[] = [];

beforeEach(async () => {
  server = new TestServer();
  address = await server.listen();
  name = newName();
  server.conversations = [listItem('c1', 0)];
});
afterEach(async () => {
  await Promise.all(tabs.map((tab) => tab.close()));
  tabs = [];
  server.close();
});

async function tab(options: Partial<ClientOptions> = {}): Promise<RealtimeClient> {
  const client = await RealtimeClient.open({
    apiBase: `http://${address}`,
    gateways: [`ws://${address}`],
    store: await openIndexedDb(name),
    shareTabs: true,
    reconnectBaseMs: 1,
    reportIntervalMs: 1,
    ...options,
  });
  tabs.push(client);
  return client;
}

async function twoTabs(): Promise<[RealtimeClient, RealtimeClient]> {
  const first = await tab();
  await first.logIn({ handle: 'me', password: 'x', deviceName: 'd' });
  await until('live', first.connection, ({ state }) => state === 'live');
  const second = await tab();
  await until('live too', second.connection, ({ state }) => state === 'live');
  return [first, second];
}

test('two tabs use one socket, see the same, and either one sends', async () => {
  const [first, second] = await twoTabs();
  expect([server.sockets, server.hellos]).toEqual([1, 1]);
  server.message('c1', 'hi');
  for (const one of [first, second]) await until('the message', one.conversations, ([row]) => row?.unread === 1);
  const timeline = first.timeline('c1');
  await until('the history', timeline, ({ items }) => items.length === 1);
  const { acknowledged } = second.send('c1', 'from the second');
  await soon('the ack', () => acknowledged);
  await until('it in the first', timeline, ({ items }) => items.length === 2);
  second.drafts.set('c1', 'draft');
  await until('the draft', first.drafts, (drafts) => drafts.get('c1') === 'draft');
  expect(server.log.filter(({ type }) => type === 'MESSAGE_SENT')).toHaveLength(2);
});

test('when the tab with the socket goes, the other takes over and sends what waits, once', async () => {
  const [first, second] = await twoTabs();
  server.acks = false;
  const { acknowledged } = second.send('c1', 'in between');
  server.acks = true;
  await first.close();
  await soon('the ack', () => acknowledged);
  expect([server.sockets, server.hellos]).toEqual([1, 2]);
  expect(server.log).toHaveLength(1);
});

test('a session that ends ends in every tab, and another log-in reaches all', async () => {
  const [first, second] = await twoTabs();
  await second.logOut();
  await until('the end', first.session, ({ status }) => status === 'out');
  expect(first.session.get()).toMatchObject({ reason: 'logged_out' });
  expect(first.conversations.get()).toEqual([]);
  await first.logIn({ handle: 'me', password: 'x', deviceName: 'd' });
  await until('it to be back', second.session, ({ status }) => status === 'in');
  await until('live', second.connection, ({ state }) => state === 'live');
});

test('tabs that need a token at once refresh once, and nobody is logged out', async () => {
  const [first, second] = await twoTabs();
  const third = await tab();
  let expired = 0;
  server.answers.set('GET /v1/users/me', () => {
    expired += 1;
    return expired <= 3
      ? [401, { code: 'token_expired', detail: 'x', retryable: false }]
      : [200, { user_id: 'me', handle: 'me', display_name: 'Me' }];
  });
  const before = server.refreshes;
  await Promise.all([first, second, third].map((one) => one.api.me()));
  expect(server.refreshes - before).toBeLessThanOrEqual(1);
  expect([first, second, third].map((one) => one.session.get().status)).toEqual(['in', 'in', 'in']);
});

test('without locks each tab has its own socket, and nothing is sent twice or shown twice', async () => {
  vi.stubGlobal('navigator', {});
  try {
    const [first, second] = await twoTabs();
    expect(server.sockets).toBe(2);
    await soon('the ack', () => second.send('c1', 'once').acknowledged);
    await until('it in the first', first.conversations, ([row]) => row?.last?.state === 'sent');
    const timeline = first.timeline('c1');
    await until('it in the history', timeline, ({ items, loading }) => items.length === 1 && !loading);
    expect(server.log).toHaveLength(1);
    // A tab that is gone left something behind.
    server.acks = false;
    server.cut();
    const { stored } = second.send('c1', 'left behind');
    await stored;
    (second as unknown as { abort(): void }).abort();
    server.acks = true;
    await tab();
    await server.until('it to be sent', () => server.log.length === 2);
  } finally {
    vi.unstubAllGlobals();
  }
});

test('a leader that holds the lock and does not answer is replaced, and told', async () => {
  const channel = newName();
  const lock = `lock-${channel}`;
  let release: () => void = () => undefined;
  // A tab that froze: it holds the lock and hears nothing.
  const frozen = navigator.locks.request(
    lock,
    () =>
      new Promise<void>((resolve) => {
        release = resolve;
      }),
  );
  const robbed = frozen.then(
    () => 'kept',
    (error: Error) => error.name,
  );
  const bus = openBus(channel, true);
  let leads = false;
  const leadership = new Leadership(
    lock,
    bus,
    currentPage(),
    {
      async begin() {
        leads = true;
        return 2;
      },
      end() {
        leads = false;
      },
    },
    navigator.locks,
  );
  leadership.start();
  expect(await soon('the theft', () => robbed)).toBe('AbortError');
  await vi.waitFor(() => expect(leads).toBe(true));
  // It thaws and learns that a later term has begun.
  bus.post({
    is: 'state',
    sessionId: 'S',
    tab: 'x',
    term: 3,
    connection: { state: 'live', sinceMs: 0, retryAtMs: null, reason: null },
    clock: null,
  });
  expect([leads, leadership.leads]).toEqual([false, false]);
  leadership.stop();
  release();
});

test('a lock that cannot be had is asked for again later, not all the time', async () => {
  let asked = 0;
  const locks = {
    request: async () => {
      asked += 1;
      throw new DOMException('the page is being left', 'InvalidStateError');
    },
  } as unknown as LockManager;
  const leader = { begin: async () => 1, end: () => undefined };
  const leadership = new Leadership('x', openBus(newName(), true), currentPage(), leader, locks);
  leadership.start();
  for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  expect(asked).toBe(1);
  leadership.stop();
});

test('logging out in one tab leaves nothing in the store, nor on the screens of the others', async () => {
  const [first, second] = await twoTabs();
  server.message('c1', 'private');
  const timeline = first.timeline('c1');
  await until('the message', timeline, ({ items }) => items.length === 1);
  first.drafts.set('c1', 'half a thought');
  first.users.want(['u1']);
  await until('the draft in the other', second.drafts, (drafts) => drafts.size === 1);
  await second.logOut();
  await until('the end', first.session, ({ status }) => status === 'out');
  expect([timeline.get().items, first.drafts.get().size, first.users.get().size, first.outbox.get()]).toEqual([[], 0, 0, []]);
  const store = await openIndexedDb(name);
  for (const table of ['conversations', 'outbox', 'drafts', 'users'] as const) {
    expect(await store.transaction([table], {}, (tx) => tx.all(table)), table).toEqual([]);
  }
  for (const table of ['pages', 'spans'] as const) expect(await store.transaction([table], {}, (tx) => tx.count(table)), table).toBe(0);
  const left = await store.transaction(['meta'], {}, async (tx) => [await tx.get('meta', 'session'), await tx.get('meta', 'position')]);
  expect(left).toEqual([undefined, undefined]);
  store.close();
});

test('what a tab with another session tells is nothing to this one', async () => {
  const [first] = await twoTabs();
  await until('the list', first.conversations, (rows) => rows.length === 1);
  const bus = openBus(`relayhub:http://${address}`, true);
  const row = (id: string): never =>
    ({
      id,
      kind: 'group',
      title: id,
      peer: null,
      role: 'member',
      state: 'accepted',
      last: null,
      unread: 0,
      readSeq: 0,
      lastSeq: 0,
      activityMs: 1,
      rev: 1,
      gen: 1,
    }) as never;
  const connection = { state: 'stopped', sinceMs: 0, retryAtMs: null, reason: null } as const;
  bus.post({ is: 'change', sessionId: 'another', change: { conversations: [row('theirs')], drafts: [['c1', 'theirs']] } });
  bus.post({ is: 'state', sessionId: 'another', tab: 'x', term: 99, connection, clock: null });
  bus.post({
    is: 'typing',
    sessionId: 'another',
    tab: 'x',
    frame: { type: 'user_typing', conversation_id: 'c1', user_id: 'u', state: 'typing' },
  });
  bus.post({ is: 'change', sessionId: 'S', change: { conversations: [row('ours')] } });
  const rows = await until('what is ours', first.conversations, (all) => all.some(({ id }) => id === 'ours'));
  expect(rows.map(({ id }) => id).sort()).toEqual(['c1', 'ours']);
  expect([first.drafts.get().size, first.typing.get().size, first.connection.get().state]).toEqual([0, 0, 'live']);
  bus.close();
});

test('a tab that cannot store what comes says so and lets another one have the socket', async () => {
  const poisoned = new PoisonedStore(await openIndexedDb(name));
  const first = await tab({ store: poisoned });
  const told: Notice[] = [];
  first.onNotice((notice) => told.push(notice));
  await first.logIn({ handle: 'me', password: 'x', deviceName: 'd' });
  await until('live', first.connection, ({ state }) => state === 'live');
  poisoned.isPoisoned = true;
  server.message('c1', 'poison');
  expect(await until('the end', first.connection, ({ state }) => state === 'stopped')).toMatchObject({ reason: 'store' });
  expect(told).toMatchObject([{ kind: 'stopped', reason: 'store', error: { message: 'poison' } }]);
  await server.until('the socket to close', () => server.sockets === 0);
  // Another tab, perhaps of another version.
  const second = await tab();
  await until('live', second.connection, ({ state }) => state === 'live');
  await until('the message', first.conversations, ([row]) => row?.unread === 1);
  await second.close();
  // Asked to, it tries again.
  poisoned.isPoisoned = false;
  first.retryNow();
  await until('live again', first.connection, ({ state }) => state === 'live');
  server.message('c1', 'no poison');
  await until('the other message', first.conversations, ([row]) => row?.unread === 2);
});

/** A store in which storing events breaks, by a fault of the program's. */
class PoisonedStore implements Store {
  readonly persistent = true;
  readonly shared = true;
  isPoisoned = false;
  readonly #inner: Store;

  constructor(inner: Store) {
    this.#inner = inner;
  }

  transaction<T>(tables: readonly Table[], options: TxOptions, work: (tx: Tx) => Promise<T>): Promise<T> {
    const isEvents = options.write === true && tables.includes('pages') && tables.includes('outbox');
    return this.#inner.transaction(tables, options, (tx) => {
      if (this.isPoisoned && isEvents) throw new TypeError('poison');
      return work(tx);
    });
  }

  onFailure: Store['onFailure'] = (listener) => this.#inner.onFailure(listener);
  close(): void {
    this.#inner.close();
  }
}
