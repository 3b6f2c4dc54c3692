import './stores.ts';
import { expect, test, vi } from 'vitest';
import type { RealtimeClient } from '../src/index.ts';
import type { RestClient } from '../src/rest/client.ts';
import type { UserProfile } from '../src/rest/types.ts';
import type { Home } from '../src/state/home.ts';
import { People } from '../src/state/people.ts';
import { MemoryStore } from '../src/store/memory.ts';
import { type Answer, listItem, type TestServer } from './server.ts';
import { onServer } from './set-up.ts';
import { until } from './soon.ts';

let server: TestServer;
const { loggedIn } = onServer((fresh) => {
  server = fresh;
  server.conversations = [listItem('c1', 0)];
});

const member = (id: string, role = 'member'): object => ({ user_id: id, handle: id, display_name: `Name of ${id}`, role });

function group(...members: object[]): () => number {
  server.answers.set('GET /v1/conversations/c1/members', () => [200, { members }]);
  server.answers.set('GET /v1/conversations/c1', () => [200, { conversation_id: 'c1', kind: 'group', member_count: members.length }]);
  return () => server.requests.filter((request) => request === 'GET /v1/conversations/c1/members').length;
}

const happen = (type: string, more: object): void =>
  void server.happen({ type, chain: 'c:c1', conversation_id: 'c1', actor_id: 'x', at_ms: 1, ...more } as never);

test('members are read once, kept, and read again when somebody comes, goes or gets another role', async () => {
  const store = new MemoryStore();
  const client = await loggedIn({ store });
  const readings = group(member('me', 'owner'), member('u1'), member('u2'));
  const members = client.members('c1');
  expect([members.get().count, readings()]).toEqual([null, 0]);
  const stop = members.subscribe(() => undefined);
  await until('the members', members, ({ count }) => count === 3);
  expect(client.users.get().get('u1')?.display_name, 'their names are known everywhere').toBe('Name of u1');
  stop();
  const again = members.subscribe(() => undefined);
  client.members('c1').subscribe(() => undefined)();
  expect(readings()).toBe(1);

  group(member('me', 'owner'), member('u2', 'admin'));
  happen('ROLE_CHANGED', { user_id: 'u2', role: 'admin' });
  happen('MEMBER_REMOVED', { user_id: 'u1' });
  const changed = await until('the change', members, ({ count }) => count === 2);
  expect(changed.members.map(({ user_id, role }) => [user_id, role])).toEqual([
    ['me', 'owner'],
    ['u2', 'admin'],
  ]);
  await server.until('a reading', () => readings() >= 2);
  group(member('me', 'owner'), member('u2', 'admin'), member('u3'));
  happen('MEMBER_ADDED', { user_id: 'u3', role: 'member', kind: 'group' });
  await until('the new one', members, ({ members: all }) => all.some(({ user_id }) => user_id === 'u3'));
  again();

  // The next run shows them before the server answers.
  await vi.waitFor(async () =>
    expect(await store.transaction(['meta'], {}, (tx) => tx.get('meta', 'members:c1'))).toMatchObject({ count: 3 }),
  );
  await client.close();
  const next = await loggedIn({ store });
  server.answers.set('GET /v1/conversations/c1/members', () => [503, { code: 'unavailable', detail: 'x', retryable: true }]);
  const kept = next.members('c1');
  kept.subscribe(() => undefined);
  await until('what was kept', kept, ({ count }) => count === 3);
  await until('the error', kept, ({ error }) => error?.code === 'unavailable');
  expect(kept.get().members).toHaveLength(3);
});

test('members of a conversation that one was removed from are forgotten', async () => {
  const store = new MemoryStore();
  const client = await loggedIn({ store });
  group(member('me'), member('u1'));
  const members = client.members('c1');
  members.subscribe(() => undefined);
  await until('the members', members, ({ count }) => count === 2);
  happen('MEMBER_REMOVED', { user_id: 'me' });
  await until('nobody', members, ({ count }) => count === null);
  await vi.waitFor(async () => expect(await store.transaction(['meta'], {}, (tx) => tx.get('meta', 'members:c1'))).toBeUndefined());
});

test('an invitation shows as soon as its event comes, once for many, also when the first reading fails', async () => {
  const client = await loggedIn();
  await server.until('the first reading', () => server.requests.includes('GET /v1/invitations'));
  server.requests.length = 0;
  server.invitations = [{ conversation_id: 'g1', title: 'Choir', member_count: 3, invited_at_ms: 1, invited_by: member('u1') }];
  server.answers.set('GET /v1/invitations', () => {
    server.answers.delete('GET /v1/invitations');
    return [503, { code: 'unavailable', detail: 'x', retryable: true, retry_after_ms: 1 }] satisfies Answer;
  });
  for (let n = 0; n < 5; n += 1) {
    server.happen({ type: 'CONVERSATION_INVITED', chain: 'u:0', user_id: 'me', conversation_id: 'g1', actor_id: 'u1', at_ms: 1 } as never);
  }
  await until('the invitation', client.invitations, ([one]) => one?.title === 'Choir');
  expect(server.requests.filter((request) => request === 'GET /v1/invitations')).toHaveLength(2);
  server.invitations = [];
  server.happen({ type: 'INVITATION_ENDED', chain: 'u:0', user_id: 'me', conversation_id: 'g1', at_ms: 2 } as never);
  await until('its end', client.invitations, (all) => all.length === 0);
});

test('a changed name shows at once, on one’s other devices too, and after a restart', async () => {
  const store = new MemoryStore();
  const client = await loggedIn({ store });
  const other = await loggedIn();
  let name = 'Me';
  server.answers.set('PATCH /v1/users/me', (_usual, body) => {
    name = (JSON.parse(body) as { display_name: string }).display_name;
    return [200, { user_id: 'me', handle: 'me', display_name: name }];
  });
  server.answers.set('GET /v1/users/me', () => [200, { user_id: 'me', handle: 'me', display_name: name }]);
  await client.api.changeProfile('Somebody else');
  const shown = (one: RealtimeClient): unknown => (one.session.get() as { session: { displayName: string } }).session.displayName;
  expect([shown(client), client.users.get().get('me')?.display_name]).toEqual(['Somebody else', 'Somebody else']);
  server.happen({ type: 'PROFILE_CHANGED', chain: 'u:0', user_id: 'me', actor_id: 'me', at_ms: 1, display_name: name } as never);
  await until('the name on the other device', other.session, () => shown(other) === 'Somebody else');
  await client.close();
  expect(shown(await loggedIn({ store }))).toBe('Somebody else');
});

test('a friend’s new name shows in the list after the next connection, and stays', async () => {
  server.conversations = [listItem('c9', 1, { kind: 'direct', title: null, peer: { user_id: 'u9', handle: 'u9', display_name: 'Ann' } })];
  const store = new MemoryStore();
  const first = await loggedIn({ store });
  expect(first.conversations.get()[0]?.peer).toMatchObject({ display_name: 'Ann' });
  await first.close();
  // The server knows one name: its list, if it is read again, says the same as the look-up.
  server.conversations = [
    listItem('c9', 1, { kind: 'direct', title: null, peer: { user_id: 'u9', handle: 'u9', display_name: 'Name of u9' } }),
  ];
  const next = await loggedIn({ store });
  await until('the new name', next.conversations, ([row]) => row?.peer?.display_name === 'Name of u9');
  await next.close();
  // Without a network it is the one that was read last.
  server.answers.set('POST /v1/users/lookup', () => [503, { code: 'unavailable', detail: 'x', retryable: true }]);
  const later = await loggedIn({ store });
  expect(later.conversations.get()[0]?.peer).toMatchObject({ display_name: 'Name of u9' });
});

test('profiles are bounded, and one that had to go is asked for again', async () => {
  const asked: string[][] = [];
  const home = {
    transaction: async (_tables: unknown, _options: unknown, work: (tx: unknown) => unknown) =>
      work({ get: async () => undefined, put: () => undefined }),
  } as unknown as Home;
  const profile = (id: string): UserProfile => ({ user_id: id, handle: id, display_name: id });
  const rest = {
    users: async (ids: readonly string[]) => {
      asked.push([...ids]);
      return ids.map(profile);
    },
  } as unknown as RestClient;
  const people = new People();
  people.use(home, rest);
  people.want(['first']);
  await until('the first', people, (all) => all.has('first'));
  people.learn(Array.from({ length: 20_000 }, (_, n) => profile(`u${n}`)));
  expect(people.get().size).toBeLessThanOrEqual(20_000);
  expect(people.get().has('first')).toBe(false);
  people.want(['first']);
  await until('the first again', people, (all) => all.has('first'));
  expect(asked).toEqual([['first'], ['first']]);
});
