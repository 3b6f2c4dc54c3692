import './stores.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ClientOptions, type MessageItem, RealtimeClient } from '../src/index.ts';
import { MemoryStore } from '../src/store/memory.ts';
import { soon, until } from './soon.ts';

// Against a whole stack, as `./relay up --detach` prints it: RELAY_API=http://… RELAY_GATEWAY=ws://… npm test -w @relayhub/realtime
const apiBase = process.env['RELAY_API'] ?? '';
const gateway = process.env['RELAY_GATEWAY'] ?? '';

describe.skipIf(apiBase === '' || gateway === '')('a real stack', () => {
  const clients: RealtimeClient[] = [];
  const run = Date.now().toString(36);
  const stores = new Map<string, MemoryStore>();
  let ann: RealtimeClient;
  let bob: RealtimeClient;

  async function open(name: string): Promise<RealtimeClient> {
    const store = stores.get(name) ?? new MemoryStore();
    stores.set(name, store);
    const options: ClientOptions = { apiBase, gateways: [gateway], store, reportIntervalMs: 50 };
    const client = await RealtimeClient.open(options);
    clients.push(client);
    return client;
  }

  async function person(name: string): Promise<RealtimeClient> {
    const client = await open(name);
    await client.signUp({
      handle: `${name}_${run}`,
      displayName: `The ${name}`,
      password: `battery staple ${run} horse`,
      deviceName: 'test',
    });
    await until('live', client.connection, ({ state }) => state === 'live');
    return client;
  }

  const idOf = (client: RealtimeClient): string => {
    const state = client.session.get();
    return state.status === 'in' ? state.session.userId : '';
  };
  const textsOf = (items: readonly unknown[]): unknown[] =>
    items.filter((item) => (item as MessageItem).kind === 'message').map((item) => ((item as MessageItem).body as { text: string }).text);

  beforeAll(async () => {
    [ann, bob] = await Promise.all([person('ann'), person('bob')]);
  });
  afterAll(async () => {
    await Promise.all(clients.map((client) => client.close()));
  });

  test('a direct conversation: request, accept, both directions, unread and read', async () => {
    const { conversation_id: id } = await ann.api.openDirect(idOf(bob));
    await until('the row', ann.conversation(id), (row) => row?.peer != null);
    const ack = await soon('the ack', () => ann.send(id, 'hello bob').acknowledged);
    const [request] = await until('the request', bob.requests, (rows) => rows[0]?.unread === 1);
    expect(request).toMatchObject({ id, kind: 'direct', last: { body: { text: 'hello bob' }, seq: ack.seq } });
    await bob.api.accept(id);
    await until('it to be a conversation', bob.conversations, (rows) => rows[0]?.id === id);
    bob.markRead(id, ack.seq);
    await until('read', bob.conversation(id), (row) => row?.unread === 0);
    const timeline = ann.timeline(id);
    await soon('the ack', () => bob.send(id, 'hello ann').acknowledged);
    const { items } = await until('both', timeline, (state) => textsOf(state.items).length === 2);
    expect(textsOf(items)).toEqual(['hello bob', 'hello ann']);
    expect(items[0]).toMatchObject({ kind: 'change', change: { type: 'created' } });
    timeline.close();
  });

  test('a message is found by its words, with where they stand', async () => {
    const { conversation_id: id } = await ann.api.createGroup('Found', [], `found-${run}`);
    await until('the group', ann.conversation(id), (row) => row !== null);
    await soon('the ack', () => ann.send(id, `🚀 the Kestrel${run}`).acknowledged);
    const found = async () => (await ann.api.search(`kestrel${run}`, { in: id, limit: 5 })).hits;
    const [hit] = await soon('the hit', async () => {
      for (;;) {
        const hits = await found();
        if (hits.length > 0) return hits;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    });
    const { text } = (hit?.message.body ?? {}) as { text: string };
    expect(hit?.spans.map(({ start, end }) => text.slice(start, end))).toEqual([`Kestrel${run}`]);
    await expect(ann.api.search('!')).rejects.toMatchObject({ code: 'invalid_field' });
  });

  test('a group: created, renamed, left; what happened shows between the messages', async () => {
    const { conversation_id: id } = await ann.api.createGroup('First name', [idOf(bob)], `key-${run}`);
    await until('the group', bob.conversation(id), (row) => row?.title === 'First name');
    const timeline = bob.timeline(id);
    await ann.api.rename(id, 'Second name');
    await until('the new name', bob.conversation(id), (row) => row?.title === 'Second name');
    await soon('the ack', () => ann.send(id, 'one').acknowledged);
    await until('all', timeline, ({ items }) => items.length >= 3);
    expect(timeline.get().items.map((item) => (item.kind === 'change' ? item.change.type : 'message'))).toEqual([
      'created',
      'renamed',
      'message',
    ]);
    await bob.api.removeMember(id, idOf(bob));
    await until('it to go', bob.conversations, (rows) => rows.every((row) => row.id !== id));
    timeline.close();
  });

  test('what was sent and missed while away arrives after a restart, once and in order', async () => {
    const { conversation_id: id } = await ann.api.openDirect(idOf(bob));
    await bob.close();
    for (let n = 0; n < 30; n += 1) ann.send(id, `away ${n}`);
    await until('all sent', ann.outbox, (waiting) => waiting.length === 0);
    const seen: string[] = [];
    bob = await open('bob');
    bob.onEvent((event) => {
      if (event.type === 'MESSAGE_SENT') seen.push((event as { body: { text: string } }).body.text);
    });
    await until('the last', bob.conversation(id), (row) => (row?.last?.body as { text?: string } | undefined)?.text === 'away 29');
    expect(seen.filter((text) => text.startsWith('away'))).toEqual(Array.from({ length: 30 }, (_, n) => `away ${n}`));
    const timeline = bob.timeline(id);
    await until('the history', timeline, ({ items }) => textsOf(items).at(-1) === 'away 29');
    expect(new Set(timeline.get().items.map(({ key }) => key)).size).toBe(timeline.get().items.length);
    timeline.close();
  });

  test('a session that is ended from another device ends here', async () => {
    const other = await open('ann on another device');
    await other.logIn({ handle: `ann_${run}`, password: `battery staple ${run} horse`, deviceName: 'other' });
    const sessions = await ann.api.sessions();
    const session = sessions.find(({ device_name }) => device_name === 'other');
    await ann.api.endSession(session?.session_id ?? '');
    await until('the end', other.session, ({ status }) => status === 'out');
    expect(other.session.get()).toMatchObject({ reason: 'session_revoked' });
    expect(ann.session.get().status).toBe('in');
  });
});
