import { expect, test } from 'vitest';
import { amended } from '../src/store/amend.ts';
import { newest } from '../src/store/history.ts';
import { isReplyInThread, replied, type ThreadReply, unreplied } from '../src/store/threads.ts';
import type { MessageErased, MessageSent } from '../src/wire/events.ts';
import { message } from './events.ts';

const root = { ...message('c1', 1, 0), message_id: 'm1' } as MessageSent;
const thread = { message_id: 'm1', seq: 1, sender_id: 'a' };
const reply = (seq: number, by = 'b'): ThreadReply =>
  ({ ...message('c1', seq, seq - 1), message_id: `m${seq}`, actor_id: by, at_ms: seq * 10, thread }) as ThreadReply;
const erasure = (seq: number, of: number): MessageErased =>
  ({ type: 'MESSAGE_ERASED', chain: 'c:c1', seq, message_id: `m${of}`, message_seq: of, thread }) as unknown as MessageErased;

test('a root counts each reply once, and forgets what is deleted', () => {
  const one = replied(root, reply(2));
  const two = replied(replied(one, reply(3, 'a')), reply(3, 'a'));
  expect(two.replies).toEqual({ count: 2, last_seq: 3, last_at_ms: 30, by: ['b', 'a'], upto_seq: 3 });
  expect(replied(two, reply(2))).toBe(two);
  expect(replied(root, { ...reply(2), thread: { ...thread, message_id: 'm9' } })).toBe(root);
  const less = unreplied(two, erasure(4, 2));
  expect([less.replies?.count, less.replies?.upto_seq]).toEqual([1, 4]);
  expect(unreplied(less, erasure(4, 2))).toBe(less);
  expect(unreplied(less, erasure(5, 3)).replies).toBeNull();
});

test('what came meanwhile counts at the root, and of two copies the later one', () => {
  const [counted, erased] = amended([root, reply(2)], [reply(3), erasure(4, 2)]) as [MessageSent, MessageSent];
  // One came, and one of before went.
  expect([counted.replies, erased.body.type]).toEqual([null, 'erased']);
  const later = replied(root, reply(2));
  expect(newest(root, later).replies?.count).toBe(1);
  expect(newest(later, root).replies?.count).toBe(1);
});

test('what is in a thread is told apart', () => {
  expect([isReplyInThread(reply(2)), isReplyInThread(root), isReplyInThread({ type: 'MESSAGE_EDITED' })]).toEqual([true, false, false]);
});
