import { expect, test } from 'vitest';
import type { ThreadsState } from '../src/api/threads.ts';
import type { RestClient } from '../src/rest/client.ts';
import type { Change } from '../src/state/change.ts';
import { ThreadsDesk } from '../src/state/threads.ts';
import { Value } from '../src/util/value.ts';
import type { MessageSent, ServerEvent } from '../src/wire/events.ts';
import { message } from './events.ts';

const root = (n: number): MessageSent => ({ ...message(`c${n}`, n, 0), message_id: `m${n}`, actor_id: 'ann' }) as MessageSent;
const row = (n: number) => ({ root: { ...root(n), sender_id: 'ann', sent_at_ms: 1 }, read_seq: n, unread_count: 1 });
const told = (n: number, following: boolean): ServerEvent =>
  ({
    type: 'THREAD_MARK_MOVED',
    chain: 'u:0',
    seq: 90,
    conversation_id: `c${n}`,
    thread: { message_id: `m${n}`, seq: n },
    following,
    read_seq: n,
  }) as never;

/** A desk whose next answers are given by hand. */
function desk(): {
  desk: ThreadsDesk;
  value: Value<ThreadsState | null>;
  asked: () => Promise<void>;
  answer: (rows: readonly unknown[]) => Promise<void>;
} {
  const waiting: ((page: unknown) => void)[] = [];
  const rest = { threads: () => new Promise((resolve) => waiting.push(resolve)) } as unknown as RestClient;
  const value = new Value<ThreadsState | null>(null);
  const made = new ThreadsDesk(value, rest, 'ann');
  const asked = () => expect.poll(() => waiting.length).toBeGreaterThan(0);
  const answer = async (rows: readonly unknown[]): Promise<void> => {
    await asked();
    waiting.shift()?.({ threads: rows, next_cursor: null });
  };
  return { desk: made, value, asked, answer };
}

const shown = (value: Value<ThreadsState | null>): unknown => value.get()?.threads.map(({ root: { messageId } }) => messageId);

test('an answer that was on its way does not bring back what ended meanwhile', async () => {
  const { desk: threads, value, asked, answer } = desk();
  threads.want();
  await answer([row(1), row(2), row(3)]);
  await expect.poll(() => shown(value)).toEqual(['m1', 'm2', 'm3']);
  const reading = threads.refresh();
  await asked();
  threads.heed({ events: [told(1, false)] } as unknown as Change);
  threads.heed({ removed: ['c2'] } as unknown as Change);
  threads.heed({ events: [told(3, false), told(3, true)] } as unknown as Change);
  await answer([row(1), row(2), row(3)]);
  await reading;
  expect(shown(value)).toEqual(['m3']);
  threads.stop();
});
