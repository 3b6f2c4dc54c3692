import { expect, test } from 'vitest';
import type { Reaction } from '../src/index.ts';
import { messageItem, outboxItem, withReactions } from '../src/state/items.ts';
import type { OutboxRecord } from '../src/state/records.ts';
import { newest } from '../src/store/history.ts';
import { afterSaid, reacted } from '../src/store/reactions.ts';
import { heardBy, type MessageReacted, type MessageSent } from '../src/wire/events.ts';
import { message } from './events.ts';

const said = (user: string, emoji: string, on: boolean) => ({ user, isMe: user === 'me', emoji, on });
const brief = (reactions: readonly Reaction[] = []) =>
  reactions.map(({ emoji, count, mine, by }) => `${emoji}${count}${mine ? '!' : ''} ${by.join('')}`);

const event = (seq: number, user: string, emoji: string, on: boolean): MessageReacted =>
  heardBy(
    {
      type: 'MESSAGE_REACTED',
      chain: 'c:c1',
      seq,
      prev: seq - 1,
      conversation_id: 'c1',
      actor_id: user,
      at_ms: 1,
      event_id: `e${seq}`,
      client_id: `k${seq}`,
      message_id: 'm1',
      message_seq: 1,
      emoji,
      on,
    } as never,
    'me',
  ) as MessageReacted;

test('each person counts once with each emoji', () => {
  let now: readonly Reaction[] = [];
  for (const [user, emoji, on] of [
    ['a', '👍', true],
    ['me', '👍', true],
    ['a', '👍', true],
    ['b', '🎉', true],
    ['b', '❤️', false],
    ['a', '👍', false],
    ['a', '👍', false],
  ] as const)
    now = afterSaid(now, said(user, emoji, on));
  expect(brief(now)).toEqual(['👍1! me', '🎉1 b']);
  expect(brief(afterSaid(now, said('b', '🎉', false)))).toEqual(['👍1! me']);
  expect(afterSaid(now, said('me', '👍', true))).toBe(now);
});

test('of those who are not named what they say is taken', () => {
  const many = [{ emoji: '👍', count: 12, mine: false, by: ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'] }];
  const counts = (user: string, on: boolean) => afterSaid(many, said(user, '👍', on))[0]?.count;
  expect([counts('x', true), counts('x', false), counts('a', true), counts('a', false)]).toEqual([13, 11, 12, 11]);
  expect([counts('me', true), counts('me', false)]).toEqual([13, 12]);
});

test('a reaction that is counted already changes nothing, nor one to what is gone', () => {
  const shown = { ...message('c1', 1, 0), message_id: 'm1', reactions: [], reacted_seq: 5 } as MessageSent;
  expect(reacted(shown, event(5, 'a', '👍', true))).toBe(shown);
  const after = reacted(reacted(shown, event(6, 'a', '👍', true)), event(7, 'me', '👍', true));
  expect([brief(after.reactions), after.reacted_seq]).toEqual([['👍2! ame'], 7]);
  const gone = { ...shown, body: { type: 'erased' } } as MessageSent;
  expect(reacted(gone, event(6, 'a', '👍', true))).toBe(gone);
  expect(reacted(shown, { ...event(6, 'a', '👍', true), message_id: 'm2' })).toBe(shown);
});

test('of two copies the newest text and the newest reactions count', () => {
  const base = message('c1', 1, 0) as MessageSent;
  const text = { ...base, body: { type: 'text', text: 'anew' }, edited_seq: 9 } as MessageSent;
  const reactions = { ...base, reactions: [{ emoji: '👍', count: 1, mine: false, by: ['a'] }], reacted_seq: 8 } as MessageSent;
  for (const both of [newest(text, reactions), newest(reactions, text)])
    expect(both).toMatchObject({ body: { text: 'anew' }, edited_seq: 9, reacted_seq: 8, reactions: [{ emoji: '👍' }] });
  expect(newest(text, base)).toBe(text);
  expect(newest(base, text)).toBe(text);
  expect(newest(base, reactions)).toBe(reactions);
  const gone = { ...base, body: { type: 'erased' } } as MessageSent;
  expect([newest(gone, text), newest(text, gone)]).toEqual([gone, gone]);
});

test("one's own that wait show, in their order, and not twice", () => {
  const item = messageItem({ ...message('c1', 1, 0), reactions: [{ emoji: '👍', count: 1, mine: true, by: ['me'] }] } as MessageSent);
  const record = (turn: number, emoji: string, on: boolean, state: OutboxRecord['state'] = 'reacting') =>
    ({
      clientId: `k${turn}`,
      conversationId: 'c1',
      body: { type: 'reaction' },
      turn,
      atMs: 1,
      tab: 't',
      state,
      ack: null,
      error: null,
      reacts: { messageId: 'm1', seq: 1, emoji, on },
    }) as OutboxRecord;
  const waiting = [record(1, '👍', true, 'acked'), record(2, '🎉', true), record(3, '👍', false), record(4, '❤️', true, 'failed')];
  expect(brief(withReactions(item, waiting, 'me').reactions)).toEqual(['🎉1! me']);
  expect(withReactions(item, [record(1, '👍', true)], 'me')).toBe(item);
  expect(outboxItem(record(1, '👍', true), 'me').reactions).toEqual([]);
});
