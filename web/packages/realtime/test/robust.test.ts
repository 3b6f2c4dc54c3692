import './stores.ts';
import { expect, test, vi } from 'vitest';
import { type MessageItem, maxTextBytes, type Notice, type RealtimeClient } from '../src/index.ts';
import { openIndexedDb } from '../src/store/indexeddb.ts';
import { MemoryStore } from '../src/store/memory.ts';
import type { Store } from '../src/store/store.ts';
import { FailingStore } from './failing-store.ts';
import { listItem, type TestServer } from './server.ts';
import { held, onServer } from './set-up.ts';
import { soon, until } from './soon.ts';
import { newName } from './stores.ts';

let server: TestServer;
const { open, loggedIn } = onServer((fresh) => {
  server = fresh;
  server.conversations = [listItem('c1', 0), listItem('c2', 0)];
});

const textsOf = (items: readonly unknown[]): unknown[] => items.map((item) => ((item as MessageItem).body as { text?: string }).text);
const stored = (store: Store, table: 'outbox' | 'drafts' | 'conversations'): Promise<unknown[]> =>
  store.transaction([table], {}, (tx) => tx.all(table));
const pages = (store: Store): Promise<number> => store.transaction(['pages'], {}, (tx) => tx.count('pages'));
const tokenExpires = (client: RealtimeClient): Promise<unknown> => {
  server.answers.set('GET /v1/users/me', (usual) => {
    server.answers.delete('GET /v1/users/me');
    return server.requests.length > 0 ? [401, { code: 'token_expired', detail: 'x', retryable: false }] : usual();
  });
  return client.api.me();
};

test('a page of a proxy in the place of an answer is waited out, and ends nothing', async () => {
  const store = new MemoryStore();
  const first = await loggedIn({ store });
  await first.close();
  let pagesShown = 0;
  server.answers.set('POST /v1/auth/refresh', (usual) => {
    pagesShown += 1;
    return pagesShown <= 3 ? [[200, 404, 502][pagesShown - 1] as number, '<html>Please log in to this network</html>'] : usual();
  });
  const next = await open({ store });
  await until('live', next.connection, ({ state }) => state === 'live');
  expect(pagesShown).toBe(4);
  server.answers.set('GET /v1/auth/sessions', () => [200, '<html>']);
  await expect(next.api.sessions()).rejects.toMatchObject({ code: 'unexpected_answer', retryable: true });
});

test('a refresh whose answer was lost is repeated with the same token', async () => {
  const store = new MemoryStore();
  const first = await loggedIn({ store });
  await first.close();
  const tried: string[] = [];
  server.answers.set('POST /v1/auth/refresh', (usual, body) => {
    tried.push((JSON.parse(body) as { refresh_token: string }).refresh_token);
    const said = usual();
    return tried.length <= 2 ? [0, null] : said;
  });
  const next = await open({ store });
  await until('live', next.connection, ({ state }) => state === 'live');
  expect(tried).toEqual(['r0', 'r0', 'r0']);
  await tokenExpires(next);
  expect(next.session.get().status).toBe('in');
});

test('a disk that is full: state goes on in memory with what waits, and the session lives through later renewals', async () => {
  const store = new FailingStore();
  const notices: Notice[] = [];
  const client = await loggedIn({ store });
  client.onNotice((notice) => notices.push(notice));
  await tokenExpires(client);
  await tokenExpires(client);
  client.drafts.set('c2', 'half a thought');
  server.acks = false;
  await client.send('c1', 'waits').stored;
  store.isFull = true;
  server.message('c1', 'does not fit');
  await vi.waitFor(() => expect(notices).toContainEqual({ kind: 'memory_only', why: 'quota' }));
  await until('live again', client.connection, ({ state }) => state === 'live');
  expect(client.outbox.get()).toMatchObject([{ body: { text: 'waits' }, state: 'pending' }]);
  expect(client.drafts.get().get('c2')).toBe('half a thought');
  server.acks = true;
  server.break();
  await server.until('it to be sent', () => server.log.some((event) => (event as { actor_id?: string }).actor_id === 'me'));
  for (let n = 0; n < 3; n += 1) await tokenExpires(client);
  expect(client.session.get().status).toBe('in');
  // Logging out takes what the disk still holds.
  store.isFull = false;
  await client.logOut();
  expect(await stored(store, 'conversations')).toEqual([]);
});

test('another tab goes on with the store, and neither logs the other out', async () => {
  const store = new FailingStore();
  const client = await loggedIn({ store });
  store.isFull = true;
  client.drafts.set('c1', 'x');
  await until('memory', client.connection, ({ state }) => state !== 'live');
  await until('live again', client.connection, ({ state }) => state === 'live');
  // The other tab renews twice: the token that the first one came with is worth nothing now.
  store.isFull = false;
  const other = await open({ store: store.inner });
  await until('live', other.connection, ({ state }) => state === 'live');
  await tokenExpires(other);
  await tokenExpires(other);
  await tokenExpires(client);
  expect([client.session.get().status, other.session.get().status]).toEqual(['in', 'in']);
});

test('a log-in on a full disk is one in memory', async () => {
  const store = new FailingStore();
  store.isFull = true;
  const client = await loggedIn({ store });
  const notices: Notice[] = [];
  client.onNotice((notice) => notices.push(notice));
  expect(notices).toContainEqual({ kind: 'memory_only', why: 'quota' });
  expect(server.requests.filter((request) => request === 'POST /v1/auth/login')).toHaveLength(1);
});

test('without IndexedDB and without locks everything works from memory, and it is said', async () => {
  vi.stubGlobal('indexedDB', undefined);
  vi.stubGlobal('navigator', {});
  try {
    const client = await loggedIn({ store: 'indexeddb', shareTabs: true });
    const notices: Notice[] = [];
    client.onNotice((notice) => notices.push(notice));
    expect(notices).toEqual([{ kind: 'memory_only', why: 'missing' }]);
    await soon('the ack', () => client.send('c1', 'hi').acknowledged);
  } finally {
    vi.unstubAllGlobals();
  }
});

test('what was typed a moment before a newer build takes the store is in it', async () => {
  const name = newName();
  const client = await loggedIn({ store: await openIndexedDb(name) });
  client.drafts.set('c1', 'just typed');
  const { openDB } = await import('idb');
  const newer = await openDB(name, 9);
  expect(client.connection.get()).toMatchObject({ state: 'stopped', reason: 'outdated' });
  expect(await newer.getAll('drafts')).toEqual([['c1', 'just typed']]);
  newer.close();
});

test('after a new log an answer of the old one is neither shown nor stored', async () => {
  const store = new MemoryStore();
  for (let n = 1; n <= 3; n += 1) server.message('c1', `old ${n}`);
  const client = await loggedIn({ store });
  const history = held();
  server.answers.set('GET /v1/messages', history.answer);
  const list = held();
  server.answers.set('GET /v1/users/me/conversations', list.answer);
  const timeline = client.timeline('c1');
  await history.asked;
  const refreshed = client.api.accept('c1');
  await list.asked;
  server.answers.clear();
  server.log.length = 0;
  server.frame({ type: 'reset', reason: 'epoch_changed', position: '0' });
  server.message('c1', 'new 1');
  await until('the new message', client.conversation('c1'), (row) => row?.lastSeq === 1);
  history.go();
  list.go();
  await refreshed;
  const { items } = await until('the new history', timeline, ({ items: all, loading }) => all.length > 0 && !loading);
  expect(textsOf(items)).toEqual(['new 1']);
  expect(client.conversation('c1').get()).toMatchObject({ lastSeq: 1, last: { body: { text: 'new 1' } } });
  expect(
    JSON.stringify(
      await store.transaction(['pages'], {}, (tx) => tx.range('pages', { name: 'c1', from: 0, to: 99, begin: 'first', limit: 99 })),
    ),
  ).not.toContain('old');
});

test('an answer that comes after one was removed is neither shown nor stored', async () => {
  const store = new MemoryStore();
  server.message('c1', 'theirs');
  const client = await loggedIn({ store });
  const history = held();
  server.answers.set('GET /v1/messages', history.answer);
  const timeline = client.timeline('c1');
  await history.asked;
  server.happen({ type: 'MEMBER_REMOVED', chain: 'c:c1', conversation_id: 'c1', actor_id: 'x', user_id: 'me', at_ms: 1 } as never);
  await until('it to be gone', client.conversation('c1'), (row) => row === null);
  history.go();
  await until('an end', timeline, ({ loading }) => !loading);
  expect(timeline.get().items).toEqual([]);
  expect(await pages(store)).toBe(0);
});

test('what waits for a conversation that one was removed from fails, holds up nothing else and can be discarded', async () => {
  const store = new MemoryStore();
  const client = await loggedIn({ store });
  server.acks = false;
  const lost = client.send('c1', 'too late');
  const late = client.send('c1', 'too late, too');
  const other = client.send('c2', 'elsewhere');
  server.happen({ type: 'MEMBER_REMOVED', chain: 'c:c1', conversation_id: 'c1', actor_id: 'x', user_id: 'me', at_ms: 1 } as never);
  await until('it to be gone', client.conversation('c1'), (row) => row === null);
  const refuse = (clientId: string): void =>
    server.frame({ type: 'error', code: 'not_member', message: 'x', client_id: clientId, retryable: false });
  refuse(lost.clientId);
  await expect(lost.acknowledged).rejects.toMatchObject({ code: 'not_member' });
  await server.until('the next one', () => true);
  refuse(late.clientId);
  await expect(late.acknowledged).rejects.toMatchObject({ code: 'not_member' });
  server.acks = true;
  server.break();
  await soon('the other', () => other.acknowledged);
  expect(client.outbox.get().map(({ state }) => state)).toEqual(['failed', 'failed']);
  for (const { clientId } of client.outbox.get()) client.discard(clientId);
  await until('an empty outbox', client.outbox, (all) => all.length === 0);
  await vi.waitFor(async () => expect(await stored(store, 'outbox')).toEqual([]));
});

test('an acknowledged message whose event one was removed before does not stay in the outbox', async () => {
  const store = new MemoryStore();
  const client = await loggedIn({ store });
  server.acks = false;
  const { clientId, acknowledged } = client.send('c1', 'just in time');
  server.frame({ type: 'message_ack', client_id: clientId, conversation_id: 'c1', message_id: 'm1', seq: 1, sent_at_ms: 1 });
  await acknowledged;
  await vi.waitFor(async () => expect(await stored(store, 'outbox')).toMatchObject([{ state: 'acked' }]));
  server.happen({ type: 'MEMBER_REMOVED', chain: 'c:c1', conversation_id: 'c1', actor_id: 'x', user_id: 'me', at_ms: 1 } as never, 2);
  await vi.waitFor(async () => expect(await stored(store, 'outbox')).toEqual([]));
});

test('a device whose clock is years off mints keys by the time of the server', async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: new Date('2011-03-04') });
  try {
    const client = await loggedIn();
    vi.setSystemTime(new Date('2050-01-01'));
    server.acks = false;
    const { clientId } = client.send('c1', 'when?');
    const at = [...clientId.slice(0, 10)].reduce((ms, digit) => ms * 32 + '0123456789ABCDEFGHJKMNPQRSTVWXYZ'.indexOf(digit), 0);
    expect(new Date(at).getUTCFullYear()).toBe(2011);
    expect(client.connection.get().state).toBe('live');
  } finally {
    vi.useRealTimers();
  }
});

test('a state of a newer server is listed, and taken for no request', async () => {
  server.conversations = [listItem('c1', 1, { state: 'paused' })];
  const client = await loggedIn();
  expect(client.conversations.get()).toMatchObject([{ id: 'c1', state: 'paused' }]);
  expect(client.requests.get()).toEqual([]);
});

test('the outbox is bounded in what its texts hold', async () => {
  const client = await loggedIn();
  server.acks = false;
  const text = 'x'.repeat(1024 * 1024);
  for (let n = 0; n < 16; n += 1) client.send('c1', text);
  expect(() => client.send('c1', 'one more')).toThrow(expect.objectContaining({ code: 'outbox_full' }));
});

test('a text that is too long for the server fails here, and holds up nothing', async () => {
  const client = await loggedIn();
  server.break();
  const tooLong = Array.from({ length: 500 }, () => client.send('c1', 'ä'.repeat(maxTextBytes / 2 + 1)));
  const just = client.send('c1', 'ä'.repeat(maxTextBytes / 2));
  for (const { acknowledged } of tooLong) await expect(acknowledged).rejects.toMatchObject({ code: 'message_too_long' });
  await soon('what is not too long', () => just.acknowledged);
  expect(server.log).toHaveLength(1);
  expect(client.outbox.get().every(({ state, error }) => state === 'failed' && error === 'message_too_long')).toBe(true);
});

test('a draft is bounded, and so are all of them; the one of before stays', async () => {
  const store = new MemoryStore();
  const client = await loggedIn({ store });
  const most = 'x'.repeat(4 * maxTextBytes);
  expect(client.drafts.set('c1', 'short')).toBe(true);
  expect(client.drafts.set('c1', `${most}x`)).toBe(false);
  expect(client.drafts.set('c1', 'ä'.repeat(2 * maxTextBytes + 1)), 'bytes count, not letters').toBe(false);
  expect(client.drafts.get().get('c1')).toBe('short');
  expect(client.drafts.set('c1', most)).toBe(true);
  let kept = 1;
  while (kept < 1000 && client.drafts.set(`d${kept}`, most)) kept += 1;
  expect(kept).toBe(64);
  expect(client.drafts.set('c1', '')).toBe(true);
  expect(client.drafts.set('d64', most), 'there is room again').toBe(true);
  await client.close();
  expect((await stored(store, 'drafts')).length).toBe(64);
});
