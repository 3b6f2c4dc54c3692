import './stores.ts';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { isArchived, isMuted, MUTED_FOREVER_MS, RealtimeClient } from '../src/index.ts';
import { MemoryStore } from '../src/store/memory.ts';
import { listItem, TestServer } from './server.ts';
import { until } from './soon.ts';

const SET = 'PATCH /v1/conversations/c1/settings';
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

async function open(store = new MemoryStore()): Promise<RealtimeClient> {
  const options = { apiBase: `http://${address}`, gateways: [`ws://${address}`], reconnectBaseMs: 1, shareTabs: false, store };
  const client = await RealtimeClient.open(options);
  clients.push(client);
  if (client.session.get().status === 'out') await client.logIn({ handle: 'me', password: 'x', deviceName: 'd' });
  await until('the list', client.conversations, (rows) => rows.length === 1);
  return client;
}

const told = (settings: object) => {
  const mine = { chain: 'u:0', user_id: 'me', conversation_id: 'c1', actor_id: 'me', at_ms: 1 };
  server.happen({ type: 'CONVERSATION_SETTINGS_CHANGED', ...mine, settings } as never);
};

test('what another device sets is kept, and an older answer does not undo it', async () => {
  const store = new MemoryStore();
  const client = await open(store);
  const row = client.conversation('c1');
  expect(row.get()?.settings?.version).toBe(0);
  told({ version: 2, muted_until_ms: MUTED_FOREVER_MS, level: 'digest' });
  const set = await until('what was set', row, (now) => now?.settings?.version === 2);
  expect(set?.settings).toEqual({ version: 2, mutedUntilMs: MUTED_FOREVER_MS, pinnedAtMs: null, archivedSeq: null, level: 'digest' });
  expect(set !== null && isMuted(set, Date.now())).toBe(true);
  told({ version: 1, level: 'none' });
  server.message('c1', 'behind it');
  await until('what came behind it', row, (now) => now?.last != null);
  expect(row.get()?.settings?.level).toBe('digest');
  // In the next run of the program, whose list says less.
  await client.close();
  const again = await open(store);
  expect(again.conversation('c1').get()?.settings?.level).toBe('digest');
});

test('what is set here shows at once, and is archived until a newer message comes', async () => {
  const client = await open();
  const row = client.conversation('c1');
  server.message('c1', 'one');
  const seq = (await until('the message', row, (now) => now?.last != null))?.last?.seq ?? 0;
  const bodies: unknown[] = [];
  server.answers.set(SET, (_usual, body) => {
    bodies.push(JSON.parse(body));
    return [200, { version: bodies.length, archived_seq: seq, level: 'all' }];
  });
  await client.setForConversation('c1', { archived: true, mutedUntilMs: null });
  expect(bodies).toEqual([{ archived: true, muted_until_ms: null }]);
  const now = row.get();
  expect(now !== null && isArchived(now, Date.now())).toBe(true);
  server.message('c1', 'two');
  await until('that it is back', row, (later) => later !== null && !isArchived(later, Date.now()));
});
