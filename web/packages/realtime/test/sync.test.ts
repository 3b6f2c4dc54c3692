import './stores.ts';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { RealtimeClient } from '../src/index.ts';
import { MemoryStore } from '../src/store/memory.ts';
import { listItem, TestServer } from './server.ts';
import { until } from './soon.ts';

let server: TestServer;
let address = '';
const clients: RealtimeClient[] = [];
/** What clients handed back, and what they are told. */
let tokens: (string | null)[];
let next: object[];

const whole = (conversations: object[], more: object = {}): object => ({
  full: true,
  token: 'first',
  now_ms: 1,
  conversations,
  invitation_count: 0,
  drafts: [],
  settings: { read_receipts: true, presence_to: 'contacts', availability: 'available' },
  ...more,
});

beforeEach(async () => {
  server = new TestServer();
  address = await server.listen();
  tokens = [];
  next = [];
  server.answers.set('GET /v1/sync', (_usual, _body, query) => {
    tokens.push(query.get('since'));
    const answer = next.shift();
    return answer === undefined ? [503, { code: 'unavailable', detail: 'x', retryable: true, retry_after_ms: 5 }] : [200, answer];
  });
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
  return client;
}

const titles = (client: RealtimeClient, wanted: readonly string[]) =>
  until(
    `the list ${wanted}`,
    client.conversations,
    (rows) =>
      rows
        .map(({ title }) => title)
        .sort()
        .join() === [...wanted].sort().join(),
  );
/** Requests for what one answer has. */
const apart = () => server.requests.filter((request) => /conversations$|drafts$|draft$|invitations$/.test(request));

test('one request has all that is shown first, and the next connection asks only what changed', async () => {
  next = [
    whole([listItem('c1', 3), listItem('c2', 2)], {
      archived: [listItem('c3', 1)],
      requests: [listItem('c4', 1, { state: 'request' })],
      drafts: [{ conversation_id: 'c1', version: 7, text: 'from elsewhere' }],
    }),
  ];
  const client = await open();
  await titles(client, ['Title of c1', 'Title of c2', 'Title of c3']);
  await until('the draft', client.drafts, (drafts) => drafts.get('c1') === 'from elsewhere');
  expect(tokens).toEqual([null]);
  expect(apart()).toEqual([]);

  next = [
    {
      ...whole([listItem('c2', 9, { title: 'Another' }), listItem('c5', 9)]),
      full: false,
      token: 'second',
      gone: ['c3'],
      drafts: [{ conversation_id: 'c1', version: 8, text: '' }],
    },
  ];
  server.break();
  await titles(client, ['Title of c1', 'Another', 'Title of c5']);
  await until('no draft', client.drafts, (drafts) => !drafts.has('c1'));
  expect(tokens).toEqual([null, 'first']);
  // What fails for now is asked for again, with the same token.
  server.break();
  await server.until('another try', () => tokens.length > 3);
  next = [{ ...whole([]), full: false, token: 'third' }];
  await server.until('the last one', () => next.length === 0);
  expect(tokens.slice(2).every((token) => token === 'second')).toBe(true);
  expect(apart()).toEqual([]);
});

test('what goes on is asked for page by page, and what is told whole takes the place of what there was', async () => {
  next = [whole([listItem('c1', 3)], { next_cursor: 'more', invitation_count: 1 })];
  server.conversations = [listItem('c2', 2)];
  server.invitations = [
    { conversation_id: 'g', title: 'G', member_count: 2, invited_at_ms: 1, invited_by: { user_id: 'x', handle: 'x', display_name: 'X' } },
  ];
  const store = new MemoryStore();
  const client = await open(store);
  await titles(client, ['Title of c1', 'Title of c2']);
  await until('the invitation', client.invitations, (invitations) => invitations.length === 1);
  expect(apart().sort()).toEqual(['GET /v1/invitations', 'GET /v1/users/me/conversations']);
  next = [whole([listItem('c2', 4)], { token: 'again', invitation_count: 1 })];
  server.break();
  await titles(client, ['Title of c2']);
  expect(tokens).toEqual([null, 'first']);
});

test('a server of before is asked for each by itself', async () => {
  server.answers.delete('GET /v1/sync');
  server.conversations = [listItem('c1', 1)];
  server.answers.set('GET /v1/users/me/drafts', () => [200, { drafts: [{ conversation_id: 'c1', version: 2 }] }]);
  server.answers.set('GET /v1/conversations/c1/draft', () => [200, { conversation_id: 'c1', version: 2, text: 'kept' }]);
  const client = await open();
  await titles(client, ['Title of c1']);
  await until('the draft', client.drafts, (drafts) => drafts.get('c1') === 'kept');
  expect(server.requests.filter((request) => request === 'GET /v1/sync').length).toBe(1);
});
