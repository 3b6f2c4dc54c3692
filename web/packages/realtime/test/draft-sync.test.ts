import './stores.ts';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { RealtimeClient } from '../src/index.ts';
import { MemoryStore } from '../src/store/memory.ts';
import { listItem, TestServer } from './server.ts';
import { until } from './soon.ts';

const PATH = '/v1/conversations/c1/draft';
let server: TestServer;
let address = '';
/** What the server has, and what it was told. */
let draft: { conversation_id: string; version: number; text: string };
let told: string[];
const clients: RealtimeClient[] = [];

beforeEach(async () => {
  server = new TestServer();
  address = await server.listen();
  server.conversations = [listItem('c1', 0)];
  draft = { conversation_id: 'c1', version: 0, text: '' };
  told = [];
  server.answers.set(`PUT ${PATH}`, (_usual, body) => {
    const { text } = JSON.parse(body) as { text: string };
    told.push(text);
    draft = { ...draft, version: draft.version + 1, text };
    return [200, { conversation_id: 'c1', version: draft.version }];
  });
  server.answers.set(`GET ${PATH}`, () => [200, draft]);
  server.answers.set('GET /v1/users/me/drafts', () => [200, { drafts: draft.text === '' ? [] : [draft] }]);
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

/** Another device writes. */
function elsewhere(text: string): void {
  draft = { ...draft, version: draft.version + 1, text };
  const mine = { chain: 'u:0', user_id: 'me', conversation_id: 'c1', actor_id: 'me', at_ms: 1 };
  server.happen({ type: 'DRAFT_CHANGED', ...mine, version: draft.version } as never);
}

const has = (client: RealtimeClient, text: string) =>
  until(`the draft ${JSON.stringify(text)}`, client.drafts, (drafts) => (drafts.get('c1') ?? '') === text);

test('what another device wrote is here, live and after the next connection, and is gone when it was sent there', async () => {
  draft = { ...draft, version: 7, text: 'from before' };
  const store = new MemoryStore();
  const client = await open(store);
  await has(client, 'from before');
  elsewhere('and on');
  await has(client, 'and on');
  elsewhere('');
  await has(client, '');
  expect(told).toEqual([]);
});

test('what is written here is told once the person pauses, and nothing from elsewhere takes its place before', async () => {
  const client = await open();
  client.drafts.set('c1', 'mine');
  client.drafts.set('c1', 'mine, longer');
  elsewhere('theirs');
  await server.until('the draft to be told', () => told.length > 0);
  expect(told).toEqual(['mine, longer']);
  expect(client.drafts.get().get('c1')).toBe('mine, longer');
  // Told, it gives way to what is written later.
  elsewhere('theirs, later');
  await has(client, 'theirs, later');
  client.drafts.set('c1', '');
  await server.until('that it was emptied', () => told.length === 2);
  expect(told[1]).toBe('');
});

test('a draft that was not told in this run is told in the next, and is not replaced meanwhile', async () => {
  const store = new MemoryStore();
  const usual = server.answers.get(`PUT ${PATH}`);
  let lost = 0;
  server.answers.set(`PUT ${PATH}`, () => {
    lost += 1;
    return [0, null];
  });
  const first = await open(store);
  first.drafts.set('c1', 'unsaid');
  await server.until('a call that is lost', () => lost > 0);
  (first as unknown as { abort(): void }).abort();
  draft = { ...draft, version: 3, text: 'older, from elsewhere' };
  if (usual) server.answers.set(`PUT ${PATH}`, usual);
  const next = await open(store);
  await server.until('it to be told', () => told.length > 0);
  expect(told).toEqual(['unsaid']);
  expect(next.drafts.get().get('c1')).toBe('unsaid');
});
