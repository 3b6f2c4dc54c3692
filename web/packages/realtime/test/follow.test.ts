import './stores.ts';
import { expect, test } from 'vitest';
import type { MessageItem, Timeline, TimelineState } from '../src/index.ts';
import { MOST_ROWS } from '../src/state/window.ts';
import { listItem, type TestServer } from './server.ts';
import { onServer } from './set-up.ts';
import { until } from './soon.ts';

let server: TestServer;
const { loggedIn } = onServer((fresh) => {
  server = fresh;
  server.conversations = [listItem('c1', 0)];
});

const textOf = (item: unknown): string | undefined => ((item as MessageItem | undefined)?.body as { text?: string } | undefined)?.text;
const ends = ({ items }: TimelineState): (string | undefined)[] => [textOf(items[0]), textOf(items.at(-1))];

/** A history of 300, open at its end. */
async function opened(): Promise<Timeline> {
  for (let n = 1; n <= 300; n += 1) server.message('c1', `text ${n}`);
  const client = await loggedIn();
  const timeline = client.timeline('c1');
  await until('the end', timeline, ({ items, loading }) => items.length === 50 && !loading);
  return timeline;
}

/** Far more than one reading comes, and a reset says only that it did. */
function missALot(): void {
  server.unseen(() => {
    for (let n = 301; n <= 900; n += 1) server.message('c1', `text ${n}`);
  });
  server.frame({ type: 'reset', reason: 'too_much', position: '900' });
}

test('who reads above keeps the rows when much was missed, and is told that more follows', async () => {
  const timeline = await opened();
  timeline.follow(false);
  missALot();
  const state = await until('more to follow', timeline, ({ hasNewer, loading }) => hasNewer && !loading);
  expect(textOf(state.items[0])).toBe('text 251');
  expect(state.items.map(textOf)).toContain('text 300');
  expect(state.items.map(textOf)).not.toContain('text 900');
  // What comes now stays out, too, and nothing is lost on the way down.
  server.message('c1', 'text 901');
  for (let n = 0; n < 20 && timeline.get().hasNewer; n += 1) await timeline.loadNewer();
  const all = timeline.get().items.map(textOf);
  expect(all).toEqual(Array.from({ length: 651 }, (_, n) => `text ${251 + n}`));
});

test('who reads at the end is taken to the new one when much was missed', async () => {
  const timeline = await opened();
  timeline.follow(false);
  timeline.follow(true);
  missALot();
  const state = await until('the new end', timeline, (one) => ends(one)[1] === 'text 900' && !one.loading);
  expect(state).toMatchObject({ hasNewer: false, hasOlder: true });
  expect(state.items).toHaveLength(50);
});

test.each([true, false])('a full window drops rows where one does not read: at the end %s', async (atEnd) => {
  const timeline = await opened();
  timeline.follow(atEnd);
  const last = 300 + MOST_ROWS + 10;
  for (let n = 301; n <= last; n += 1) server.message('c1', `text ${n}`);
  const state = await until('a full window', timeline, ({ items, hasNewer }) =>
    atEnd ? textOf(items.at(-1)) === `text ${last}` : items.length === MOST_ROWS && hasNewer,
  );
  expect(state.items).toHaveLength(MOST_ROWS);
  expect(ends(state)).toEqual(atEnd ? [`text ${last - MOST_ROWS + 1}`, `text ${last}`] : ['text 251', `text ${250 + MOST_ROWS}`]);
  expect(state.hasNewer).toBe(!atEnd);
});
