import './stores.ts';
import { expect, test } from 'vitest';
import { ApiError, type MessageItem } from '../src/index.ts';
import { MemoryStore } from '../src/store/memory.ts';
import { listItem, type TestServer } from './server.ts';
import { onServer } from './set-up.ts';
import { SlowStore } from './slow-store.ts';
import { until } from './soon.ts';

let server: TestServer;
const { open, loggedIn } = onServer((fresh) => {
  server = fresh;
});

const texts = (items: readonly unknown[]): unknown[] =>
  items.map((item) => ((item as MessageItem).body as { text?: string } | undefined)?.text ?? (item as { kind: string }).kind);

test('a log-in shows the list, live messages and unread counts; the next run begins with them', async () => {
  server.conversations = [listItem('c1', 0), listItem('c2', 0)];
  const store = new MemoryStore();
  const client = await loggedIn({ store });
  await until('the list', client.conversations, (rows) => rows.length === 2);
  server.message('c2', 'hello');
  server.message('c2', 'again');
  const [row] = await until('the message', client.conversations, ([first]) => first?.unread === 2);
  expect(row).toMatchObject({ id: 'c2', lastSeq: 2, last: { body: { text: 'again' }, state: 'sent' } });
  client.markRead('c2', 1);
  await until('one read', client.conversation('c2'), (one) => one?.unread === 1);
  await server.until('the mark', () => server.requests.includes('POST /v1/conversations/c2/read'));
  await client.close();
  server.message('c1', 'while away');
  const next = await open({ store });
  expect(next.session.get()).toMatchObject({ status: 'in', session: { handle: 'me' } });
  expect(next.conversations.get().map(({ id }) => id)).toEqual(['c2', 'c1']);
  const rows = await until('what was missed', next.conversations, ([first]) => first?.id === 'c1');
  expect(rows[0]).toMatchObject({ unread: 1, last: { body: { text: 'while away' } } });
});

test('a conversation that begins while one is there comes with what only the list says', async () => {
  const client = await loggedIn();
  server.conversations = [listItem('c9', 1, { kind: 'direct', title: null, peer: { user_id: 'other', handle: 'o', display_name: 'O' } })];
  server.happen({
    type: 'CONVERSATION_CREATED',
    chain: 'c:c9',
    conversation_id: 'c9',
    actor_id: 'other',
    at_ms: 5,
    kind: 'direct',
    members: [],
  } as never);
  const rows = await until('the row', client.conversations, ([row]) => row?.peer != null);
  expect(rows[0]).toMatchObject({ id: 'c9', state: 'accepted', peer: { display_name: 'O' } });
  server.conversations = [];
  server.happen({ type: 'MEMBER_REMOVED', chain: 'c:c9', conversation_id: 'c9', actor_id: 'other', at_ms: 6, user_id: 'me' } as never);
  await until('it to go', client.conversations, (all) => all.length === 0);
});

test('a message is shown at once, sent, and has the same key from then on', async () => {
  server.conversations = [listItem('c1', 0)];
  const client = await loggedIn();
  const timeline = client.timeline('c1');
  await until('the timeline', timeline, ({ opening, loading }) => !opening && !loading);
  const sending = client.send('c1', 'hi');
  const [waiting] = client.outbox.get();
  expect(waiting).toMatchObject({ state: 'pending', seq: null, clientId: sending.clientId });
  expect(await sending.acknowledged).toMatchObject({ seq: 1 });
  const sent = await until('sent', timeline, ({ items }) => items[0]?.seq === 1);
  expect(sent.items).toHaveLength(1);
  expect(sent.items[0]?.key).toBe(waiting?.key);
  await until('an empty outbox', client.outbox, (all) => all.length === 0);
  expect(client.conversation('c1').get()).toMatchObject({ unread: 0, last: { state: 'sent', body: { text: 'hi' } } });
});

test('a refused message waits for the person: again or away', async () => {
  server.conversations = [listItem('c1', 0)];
  server.acks = false;
  const client = await loggedIn();
  const { clientId, acknowledged } = client.send('c1', 'hi');
  const refuse = (): void => server.frame({ type: 'error', code: 'not_member', message: 'x', client_id: clientId, retryable: false });
  refuse();
  await expect(acknowledged).rejects.toMatchObject({ code: 'not_member' });
  expect(client.outbox.get()).toMatchObject([{ state: 'failed', error: 'not_member' }]);
  client.retry(clientId);
  await until('another try', client.outbox, ([one]) => one?.state === 'pending');
  refuse();
  await until('another refusal', client.outbox, ([one]) => one?.state === 'failed');
  client.discard(clientId);
  await until('it to go', client.outbox, (all) => all.length === 0);
});

test('a history of thousands is read in steps, jumped in, and followed at its end', async () => {
  for (let n = 1; n <= 1000; n += 1) server.message(n % 2 === 0 ? 'c1' : 'c2', `text ${n}`);
  server.conversations = [listItem('c1', 1000), listItem('c2', 999)];
  const client = await loggedIn();
  await until('the list', client.conversations, (rows) => rows.length === 2);
  const timeline = client.timeline('c1');
  const end = await until('the end', timeline, ({ items }) => items.length === 50);
  expect(end).toMatchObject({ hasOlder: true, hasNewer: false });
  expect(texts(end.items).at(-1)).toBe('text 1000');
  await timeline.loadOlder();
  expect(texts(timeline.get().items)[0]).toBe('text 802');
  const key = await timeline.jumpTo({ seq: 300 });
  const there = timeline.get();
  expect(there.items.find((item) => item.key === key)).toMatchObject({ seq: 300 });
  expect(there).toMatchObject({ hasOlder: true, hasNewer: true });
  server.message('c1', 'unseen');
  await timeline.loadNewer();
  expect(timeline.get().items.every((item, n, all) => n === 0 || (item.seq ?? 0) === (all[n - 1]?.seq ?? 0) + 2)).toBe(true);
  const dated = await timeline.jumpTo({ atMs: 1_000_000 + 501_000 });
  expect(timeline.get().items.find((item) => item.key === dated)).toMatchObject({ seq: 502 });
  await timeline.jumpToEnd();
  expect(texts(timeline.get().items).at(-1)).toBe('unseen');
  server.message('c1', 'seen');
  await until('what follows', timeline, ({ items }) => texts(items).at(-1) === 'seen');
  const asked = server.requests.length;
  await timeline.loadOlder();
  expect(server.requests.length, 'what was read once is in the store').toBe(asked);
  timeline.close();
});

test('an erased message loses its text where it is shown', async () => {
  server.conversations = [listItem('c1', 0)];
  const client = await loggedIn();
  const timeline = client.timeline('c1');
  await until('the row', client.conversation('c1'), (row) => row !== null);
  const seq = server.message('c1', 'secret');
  await until('the message', timeline, ({ items }) => items.length === 1);
  server.happen({
    type: 'MESSAGE_ERASED',
    chain: 'c:c1',
    conversation_id: 'c1',
    actor_id: 'x',
    at_ms: 1,
    message_id: `m${seq}`,
    message_seq: seq,
    sender_id: 'other',
    client_id: 'k',
    sent_at_ms: 1,
    stored_at_ms: 1,
  } as never);
  await until('it to go', timeline, ({ items }) => (items[0] as MessageItem).body.type === 'erased');
  await until('the row', client.conversation('c1'), (row) => row?.last?.body.type === 'erased' && row.unread === 0);
});

test('read marks of other devices move, and typing shows and ends', async () => {
  server.conversations = [listItem('c1', 0)];
  const client = await loggedIn();
  server.message('c1', 'hi');
  await until('unread', client.conversation('c1'), (row) => row?.unread === 1);
  server.frame({ type: 'user_typing', conversation_id: 'c1', user_id: 'other', state: 'typing' });
  await until('typing', client.typing, (typing) => typing.get('c1')?.[0] === 'other');
  server.happen({
    type: 'READ_MARK_MOVED',
    chain: 'u:0',
    user_id: 'me',
    conversation_id: 'c1',
    actor_id: 'me',
    at_ms: 1,
    read_seq: 1,
  } as never);
  await until('read', client.conversation('c1'), (row) => row?.unread === 0);
  server.message('c1', 'what was typed');
  await until('no typing', client.typing, (typing) => typing.size === 0);
  client.isTyping('c1');
  client.isTyping('c1');
  await server.until('typing_start', () => server.typed.length === 1);
  client.send('c1', 'x');
  await server.until('typing_stop', () => server.typed.length === 2);
  expect(server.typed).toMatchObject([{ type: 'typing_start' }, { type: 'typing_stop' }]);
});

test('drafts and profiles are kept', async () => {
  server.conversations = [listItem('c1', 0)];
  const store = new MemoryStore();
  const client = await loggedIn({ store });
  client.drafts.set('c1', 'unfin');
  client.drafts.set('c1', 'unfinished');
  expect(client.drafts.get().get('c1')).toBe('unfinished');
  client.users.want(['u1', 'u2', 'u1']);
  await until('names', client.users, (users) => users.get('u2')?.display_name === 'Name of u2');
  await client.close();
  const next = await open({ store });
  expect(next.drafts.get().get('c1')).toBe('unfinished');
});

test('what is typed while an earlier draft is being stored stays', async () => {
  server.conversations = [listItem('c1', 0)];
  const store = new SlowStore();
  const client = await loggedIn({ store });
  client.drafts.set('c1', 'sent soon');
  const release = store.hold('drafts');
  client.drafts.set('c1', ''); // sent: the field is empty
  await until('the store is busy', store.waiting, (waiting) => waiting === 1);
  client.drafts.set('c1', 'the next');
  const seen = new Set<string | undefined>();
  const off = client.drafts.subscribe(() => seen.add(client.drafts.get().get('c1')));
  release();
  await until('it is stored', store.waiting, (waiting) => waiting === 0);
  await new Promise((turn) => setImmediate(turn)); // and told
  off();
  expect([...seen]).toEqual(['the next']);
  await client.close();
  const next = await open({ store });
  expect(next.drafts.get().get('c1')).toBe('the next');
});

test('a session that is ended elsewhere is ended here, and nothing stays', async () => {
  server.conversations = [listItem('c1', 0)];
  const store = new MemoryStore();
  const client = await loggedIn({ store });
  await until('the list', client.conversations, (rows) => rows.length === 1);
  client.drafts.set('c1', 'x');
  server.cut(4501);
  await until('the end', client.session, ({ status }) => status === 'out');
  expect(client.session.get()).toMatchObject({ reason: 'session_revoked' });
  expect([client.conversations.get(), client.drafts.get().size]).toEqual([[], 0]);
  expect(() => client.send('c1', 'x')).toThrow(ApiError);
  await expect(client.api.me()).rejects.toMatchObject({ code: 'no_session' });
  for (const table of ['conversations', 'drafts', 'users', 'outbox'] as const) {
    expect(await store.transaction([table], {}, (tx) => tx.all(table))).toEqual([]);
  }
});

test('logging out tells the server and wipes, also without a network', async () => {
  const client = await loggedIn();
  await client.logOut();
  expect(client.session.get()).toEqual({ status: 'out', reason: 'logged_out' });
  expect(server.requests).toContain('POST /v1/auth/logout');
});

test('after a reset the list is read again, and what is not in it is gone', async () => {
  server.conversations = [listItem('c1', 0), listItem('c2', 0)];
  const client = await loggedIn();
  await until('the list', client.conversations, (rows) => rows.length === 2);
  server.conversations = [listItem('c2', 3)];
  server.frame({ type: 'reset', reason: 'too_much', position: '0' });
  const rows = await until('the new list', client.conversations, (all) => all.length === 1);
  expect(rows[0]).toMatchObject({ id: 'c2', lastSeq: 3 });
});
