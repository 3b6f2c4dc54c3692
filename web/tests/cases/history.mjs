import assert from 'node:assert/strict';
import { Account } from '../support/api.mjs';
import { distanceFromEnd, firstShown, friends, Person, until } from '../support/person.mjs';
import { relay } from '../support/relay.mjs';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
/** More than this stays mounted at no time. */
const MOST_MOUNTED = 120;
const MIB = 1024 * 1024;

export const history = {
  '10,000 messages that come while one reads above move nothing and are counted': async (world) => {
    const { ann, bob } = await friends(world);
    const conversation = ann.conversationId();
    const authors = [bob.id];
    const now = Date.now();
    await relay('load', {
      conversation,
      authors,
      count: 200,
      from_ms: now - 200 * MINUTE_MS,
      every_ms: MINUTE_MS,
      text: 'before',
      wait: false,
    });
    await ann.sees('before 199');
    await ann.page.locator('.message-scroller').evaluate((box) => box.scrollTo(0, box.scrollTop - 2_000));
    await ann.page.locator('.jump-button').waitFor();
    // What moved into view is measured first.
    let last = null;
    const stands = async () => {
      const now = JSON.stringify(await firstShown(ann));
      const same = now === last;
      last = now;
      return same;
    };
    await until('the view to stand still', stands, true);
    const before = await firstShown(ann);
    const heapBefore = await heap(ann.page);
    await relay('load', { conversation, authors, count: 10_000, from_ms: now, every_ms: 1, text: 'meanwhile', wait: true });
    // The list knows of the last one when all are here. Counting stops at a thousand, as the server's does.
    await ann.row('Bob Rivera').locator('.row-preview', { hasText: 'meanwhile 9999' }).waitFor({ timeout: 60_000 });
    assert.equal(await ann.row('Bob Rivera').locator('.badge').getAttribute('aria-label'), '1,000 unread messages');
    assert.deepEqual(await firstShown(ann), before, 'what one reads does not move');
    const mounted = await ann.page.locator('.message-row').count();
    assert.ok(mounted < MOST_MOUNTED, `${mounted} rows are mounted`);
    const grown = (await heap(ann.page)) - heapBefore;
    assert.ok(grown < 50 * MIB, `the memory grew by ${Math.round(grown / MIB)} MiB`);
    assert.match((await ann.page.locator('.jump-button[data-new]').textContent()) ?? '', /99\+ new/);
    await ann.page.locator('.jump-button[data-new]').click();
    await ann.sees('meanwhile 9999');
    await until(
      'distance from the end',
      () => distanceFromEnd(ann),
      (px) => px < 4,
    );
    await ann.row('Bob Rivera').locator('.badge').waitFor({ state: 'detached' });
  },

  'a date is jumped to in 100,000 messages': async (world) => {
    const [ann, bob] = await Promise.all(['Ann Verhoeven', 'Bob Rivera'].map((name) => Account.register(world, name)));
    const conversation = await ann.befriend(bob);
    const days = 400;
    const from = Date.now() - days * DAY_MS;
    await relay('load', {
      conversation,
      authors: [ann.id, bob.id],
      count: 100_000,
      from_ms: from,
      every_ms: Math.floor((days * DAY_MS) / 100_000),
      text: 'of long ago',
      wait: true,
    });
    const reader = await Person.open(world, 'Ann Verhoeven');
    await reader.logIn(ann.handle);
    await reader.open('Bob Rivera');
    await reader.sees('of long ago 99999');
    const { page } = reader;
    const wanted = new Date(new Date().getFullYear(), new Date().getMonth() - 6, 15);
    await page.locator('.conversation-header').getByRole('button', { name: 'Jump to a date' }).click();
    for (let month = 0; month < 6; month += 1) await page.getByRole('button', { name: 'Previous month' }).click();
    const day = wanted.toLocaleDateString('en-GB', { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' });
    await page.locator('.calendar td button', { hasText: /^15$/ }).click();
    // By the list's own words: the first whole message on the screen is of that day.
    const firstTime = () =>
      page.locator('.message-scroller').evaluate((box) => {
        const top = box.getBoundingClientRect().top;
        const rows = [...box.querySelectorAll('.message-row')].filter((row) => row.getBoundingClientRect().top >= top);
        rows.sort((a, b) => a.getBoundingClientRect().top - b.getBoundingClientRect().top);
        return rows[0]?.querySelector('time')?.dateTime ?? '';
      });
    const onTheDay = (time) => new Date(time).toDateString() === wanted.toDateString();
    await until(`the first message of ${day}`, firstTime, onTheDay);
    const first = await firstTime();
    assert.ok(new Date(first) - wanted < 10 * MINUTE_MS, `the day's first message, not ${first}`);
    assert.ok((await page.locator('.message-row').count()) < MOST_MOUNTED);
    // From there both ways, and back to the end.
    const scroller = page.locator('.message-scroller');
    await scroller.evaluate((box) => box.scrollTo(0, 0));
    await until('what lies before it', firstTime, (time) => new Date(time) < wanted);
    await page.locator('.jump-button').click();
    await reader.sees('of long ago 99999');
  },

  'the floating day never lies over a day of the list': async (world) => {
    const { ann, bob } = await friends(world);
    await relay('load', {
      conversation: ann.conversationId(),
      authors: [bob.id, ann.id],
      count: 120,
      from_ms: Date.now() - 20 * DAY_MS,
      every_ms: 4 * 60 * MINUTE_MS,
      text: 'every four hours',
      wait: false,
    });
    for (const size of ['100 %', '150 %']) {
      await ann.page.goto(`${world.url}/settings/look`);
      await ann.page.getByText(size, { exact: true }).click();
      await ann.page.goto(world.url);
      await ann.open('Bob Rivera');
      await ann.sees('every four hours 119');
      const over = await ann.page.locator('.message-scroller').evaluate(overlaps);
      assert.deepEqual(over, [], `at a text size of ${size}`);
    }
  },
};

/** Scrolls up and down through the list and looks, at each frame, for a floating day over another one. Runs in the page. */
async function overlaps(box) {
  const frame = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
  const found = [];
  let seen = 0;
  for (const step of [...Array(45).fill(-61), ...Array(45).fill(67)]) {
    box.scrollBy(0, step);
    // A row that is seen for the first time is measured in one frame and moves others in the next.
    for (let frames = 0; frames < 3; frames += 1) await frame();
    const floating = document.querySelector('.floating-day:not([data-hidden]) .day-pill')?.getBoundingClientRect();
    if (!floating) continue;
    seen += 1;
    for (const pill of box.querySelectorAll('.day-pill')) {
      const at = pill.getBoundingClientRect();
      if (at.top < floating.bottom && at.bottom > floating.top) found.push(`${Math.round(at.top)} under ${Math.round(floating.top)}`);
    }
  }
  return seen > 10 ? found : [`the floating day was seen ${seen} times`];
}

/** Bytes of the page's objects after a collection. */
async function heap(page) {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send('HeapProfiler.enable');
  await cdp.send('HeapProfiler.collectGarbage');
  const { usedSize } = await cdp.send('Runtime.getHeapUsage');
  await cdp.detach();
  return usedSize;
}
