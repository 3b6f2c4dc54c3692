import './stores.ts';
import { expect, test } from 'vitest';
import type { PinsState } from '../src/index.ts';
import { listItem, type TestServer } from './server.ts';
import { onServer } from './set-up.ts';
import { until } from './soon.ts';

let server: TestServer;
const { loggedIn } = onServer((fresh) => {
  server = fresh;
  server.conversations = [listItem('c1', 0)];
});

const PATH = 'GET /v1/conversations/c1/pins';

const pin = (message: string, seq: number, pinnedSeq: number): object => ({
  message: {
    conversation_id: 'c1',
    seq,
    message_id: message,
    sender_id: 'other',
    client_id: `k${seq}`,
    sent_at_ms: 1,
    body: { type: 'text', text: `text of ${message}` },
  },
  pinned_by: 'other',
  pinned_at_ms: 2,
  pinned_seq: pinnedSeq,
});

function serverSays(...pins: object[]): () => number {
  server.answers.set(PATH, () => [200, { pins, upto: 100 }]);
  return () => server.requests.filter((request) => request === PATH).length;
}

const happen = (type: string, more: object): void =>
  void server.happen({
    type,
    chain: 'c:c1',
    conversation_id: 'c1',
    actor_id: 'x',
    at_ms: 1,
    event_id: 'e',
    client_id: 'k',
    ...more,
  } as never);

const texts = ({ pins }: PinsState): unknown[] => (pins ?? []).map(({ message }) => (message.body as { text?: string }).text);

test('pins are read while somebody looks, and again when something is pinned; edits and deletions show at once', async () => {
  const client = await loggedIn();
  const readings = serverSays(pin('m2', 102, 6), pin('m1', 101, 5));
  const pins = client.pins('c1');
  expect([pins.get().pins, readings()]).toEqual([null, 0]);
  pins.subscribe(() => undefined);
  await until('the pins', pins, (state) => state.pins?.length === 2);
  expect(pins.get().pins?.[0]).toMatchObject({ pinnedBy: 'other', pinnedAtMs: 2, pinnedSeq: 6, message: { messageId: 'm2', seq: 102 } });
  client.pins('c1').subscribe(() => undefined)();
  expect(readings()).toBe(1);

  happen('MESSAGE_EDITED', { actor_id: 'other', message_id: 'm1', message_seq: 101, body: { type: 'text', text: 'anew' } });
  await until('the edit', pins, (state) => texts(state).includes('anew'));
  serverSays(pin('m1', 101, 5));
  happen('MESSAGE_PINNED', { message_id: 'm2', message_seq: 102, on: false });
  await until('one less', pins, (state) => state.pins?.length === 1);
  serverSays(pin('m3', 103, 30), pin('m1', 101, 5));
  happen('MESSAGE_PINNED', { message_id: 'm3', message_seq: 103, on: true });
  await until('one more', pins, (state) => texts(state)[0] === 'text of m3');
  const read = readings();
  happen('MESSAGE_ERASED', { message_id: 'm3', message_seq: 103, sender_id: 'other', sent_at_ms: 1, stored_at_ms: 1 });
  await until('what is deleted is gone', pins, (state) => state.pins?.length === 1);
  expect(readings()).toBe(read);
});

test('what fails is read again, and what one may not see any more is forgotten', async () => {
  const client = await loggedIn();
  server.answers.set(PATH, () => [503, { code: 'unavailable', detail: 'x', retryable: true }]);
  const pins = client.pins('c1');
  pins.subscribe(() => undefined);
  await until('the error', pins, ({ error }) => error?.code === 'unavailable');
  serverSays(pin('m1', 101, 5));
  await until('the pins', pins, (state) => state.pins?.length === 1);
  expect(pins.get().error).toBeNull();
  server.answers.set(PATH, () => [403, { code: 'not_member', detail: 'x', retryable: false }]);
  happen('MEMBER_REMOVED', { user_id: 'me' });
  await until('nothing', pins, (state) => state.pins === null);
});

test('a pin waits in the outbox as no message, and a refusal takes it out', async () => {
  const client = await loggedIn();
  const sending = client.pin('c1', { messageId: 'm1', seq: 1 }, true);
  expect(client.outbox.get()).toEqual([]);
  const said = () => (server.typed as { type?: string }[]).find(({ type }) => type === 'pin_message');
  await server.until('the pin', () => said() !== undefined);
  expect(said()).toMatchObject({ client_id: sending.clientId, conversation_id: 'c1', message_id: 'm1', on: true });
  server.frame({ type: 'error', code: 'too_many_pins', message: '', client_id: sending.clientId, retryable: false });
  await expect(sending.acknowledged).rejects.toMatchObject({ code: 'too_many_pins' });
  expect(client.outbox.get()).toEqual([]);
});
