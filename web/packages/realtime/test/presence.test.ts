import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { PresenceTeller } from '../src/engine/presence.ts';
import { PresenceDesk } from '../src/state/presence.ts';
import { Value } from '../src/util/value.ts';

beforeEach(() => vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
afterEach(() => vi.useRealTimers());

const want = (active: boolean | null, conversationId: string | null, ...watched: string[]) => ({ active, conversationId, watched });

function teller(): { said: { type: string; state?: string; conversation_id?: string; users?: string[] }[]; teller: PresenceTeller } {
  const said: { type: string }[] = [];
  const made = new PresenceTeller();
  made.live((text) => void said.push(JSON.parse(text)));
  return { said, teller: made };
}

test('what tabs want is one word, said at a change, once a second at most, and at each beat', () => {
  const { said, teller: one } = teller();
  one.want('a', want(false, null, 'u1'));
  expect(said).toEqual([
    { type: 'presence', state: 'idle' },
    { type: 'watch_presence', users: ['u1'] },
  ]);
  one.want('b', want(true, 'c1', 'u2', 'u1'));
  expect(said.splice(0)).toHaveLength(3);
  vi.advanceTimersByTime(1000);
  expect(said.splice(0)).toEqual([{ type: 'presence', state: 'active', conversation_id: 'c1' }]);
  one.want('a', want(true, 'c2', 'u1'));
  vi.advanceTimersByTime(1000);
  expect(said.splice(0)).toEqual([{ type: 'presence', state: 'active', conversation_id: 'c2' }]);
  vi.advanceTimersByTime(25_000);
  expect(said.splice(0)).toEqual([{ type: 'presence', state: 'active', conversation_id: 'c2' }]);
  // A tab that is gone says nothing any more; those whom it showed are not watched.
  one.want('a', want(true, 'c2'));
  vi.advanceTimersByTime(40_000);
  expect(said.at(-1)).toEqual({ type: 'watch_presence', users: [] });
});

test('each socket is told, and a server of before only once', () => {
  const { said, teller: one } = teller();
  expect(one.isUnknown()).toBe(false);
  one.want('a', want(true, null, 'u1'));
  one.ended();
  vi.advanceTimersByTime(2000);
  expect(said.splice(0)).toHaveLength(2);
  one.live((text) => void said.push(JSON.parse(text)));
  expect(said.splice(0)).toHaveLength(2);
  expect([one.isUnknown(), one.isUnknown()]).toEqual([true, false]);
  vi.advanceTimersByTime(30_000);
  expect(said).toEqual([]);
});

test('a tab knows of those whom it shows, while there is a connection', () => {
  const value = new Value(new Map());
  const posted: unknown[] = [];
  const desk = new PresenceDesk(value, (wants) => void posted.push(wants));
  desk.renew();
  expect(posted).toEqual([]);
  desk.watch(['u1', 'u2']);
  desk.present(true, 'c1');
  desk.present(true, 'c1');
  expect(posted).toHaveLength(2);
  vi.advanceTimersByTime(20_000);
  expect(posted).toHaveLength(3);
  const of = (user_id: string, state: string) => ({ user_id, state });
  desk.hear({ type: 'user_presence', people: [of('u1', 'online'), of('u2', 'idle'), of('u3', 'online')] } as never);
  expect([...value.get()]).toEqual([
    ['u1', { state: 'online', conversationId: null, lastSeenMs: null }],
    ['u2', { state: 'idle', conversationId: null, lastSeenMs: null }],
  ]);
  desk.watch(['u2']);
  expect([...value.get().keys()]).toEqual(['u2']);
  desk.forget();
  expect(value.get().size).toBe(0);
  desk.stop();
});
