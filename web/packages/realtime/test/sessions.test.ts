import './stores.ts';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { RealtimeClient } from '../src/index.ts';
import { MemoryStore } from '../src/store/memory.ts';
import { type Answer, listItem, TestServer } from './server.ts';
import { soon, until } from './soon.ts';

// One session's answer that comes when another one has begun in the same program.
let server: TestServer;
let address = '';
let store: MemoryStore;
let client: RealtimeClient;

const EXPIRED: Answer = [401, { code: 'token_expired', detail: 'x', retryable: false }];

beforeEach(async () => {
  server = new TestServer();
  address = await server.listen();
  server.conversations = [listItem('c1', 0)];
  store = new MemoryStore();
  client = await RealtimeClient.open({ apiBase: `http://${address}`, gateways: [`ws://${address}`], reconnectBaseMs: 1, store });
  await logIn('first');
});
afterEach(async () => {
  await client.close();
  server.close();
});

async function logIn(name: string): Promise<void> {
  server.answers.set('POST /v1/auth/login', () => [
    200,
    { user_id: 'me', session_id: name, access_token: `login of ${name}`, expires_in_s: 900, refresh_token: 'r0' },
  ]);
  await client.logIn({ handle: 'me', password: 'x', deviceName: 'd' });
  await until('live', client.connection, ({ state }) => state === 'live');
  await until('the list', client.conversations, (rows) => rows.length === 1);
}

async function isRevoked(): Promise<void> {
  server.cut(4501);
  await until('the end', client.session, ({ status }) => status === 'out');
}

async function expectSecond(): Promise<void> {
  expect(client.session.get()).toMatchObject({ status: 'in', session: { sessionId: 'second' } });
  const kept = await store.transaction(['meta', 'conversations'], {}, async (tx) => [
    await tx.get('meta', 'session'),
    await tx.all('conversations'),
  ]);
  expect(kept).toMatchObject([{ sessionId: 'second' }, [{ id: 'c1' }]]);
  expect(client.conversations.get()).toMatchObject([{ id: 'c1' }]);
}

/** The next call of this name waits until it is let go. */
function hold(key: string, answer: Answer): { asked: Promise<void>; go: () => void } {
  const asked = Promise.withResolvers<void>();
  const gone = Promise.withResolvers<void>();
  server.answers.set(key, async () => {
    asked.resolve();
    await gone.promise;
    return answer;
  });
  return { asked: asked.promise, go: gone.resolve };
}

test('the refusal of an ended session’s refresh does not end the next one', async () => {
  server.answers.set('GET /v1/users/me', () => EXPIRED);
  const refresh = hold('POST /v1/auth/refresh', [401, { code: 'refresh_reused', detail: 'x', retryable: false }]);
  const late = client.api.me().catch((error: unknown) => error);
  await refresh.asked;
  server.answers.delete('GET /v1/users/me');
  await isRevoked();
  await logIn('second');
  refresh.go();
  expect(await soon('the answer', () => late)).toMatchObject({ code: 'token_expired' });
  await expectSecond();
});

test('a call of an ended session is not repeated with the next one’s token', async () => {
  const call = hold('POST /v1/conversations', EXPIRED);
  const late = client.api.createGroup('Ours', []).catch((error: unknown) => error);
  await call.asked;
  await isRevoked();
  await logIn('second');
  call.go();
  expect(await soon('the answer', () => late)).toMatchObject({ code: 'token_expired' });
  expect(server.requests.filter((request) => request === 'POST /v1/conversations')).toHaveLength(1);
  await expectSecond();
});

test('what a call of an ended session changed is not changed in the next one', async () => {
  const call = hold('PUT /v1/conversations/c1/hidden', [204, null]);
  const late = client.api.hide('c1');
  await call.asked;
  await isRevoked();
  await logIn('second');
  call.go();
  await soon('the answer', () => late);
  await expectSecond();
});

test('a log-out that the server answers late does not end a session that has begun since', async () => {
  const call = hold('POST /v1/auth/logout', [204, null]);
  const late = client.logOut();
  await call.asked;
  await logIn('second');
  call.go();
  await soon('the answer', () => late);
  await expectSecond();
});
