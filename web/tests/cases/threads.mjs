import assert from 'node:assert/strict';
import { sideways } from '../support/looks.mjs';
import { friends, until } from '../support/person.mjs';

/** The row of a message in the conversation. */
const rowOf = (page, text) => page.locator('.conversation .message-row', { has: page.locator('.bubble', { hasText: text }) }).first();
const panel = (page) => page.locator('.thread-panel');
const texts = (page) =>
  panel(page)
    .locator('.bubble')
    .evaluateAll((all) => all.map((one) => one.querySelector('p, .message-text')?.textContent?.trim() ?? ''));

/** Opens the thread under a message by its action. */
async function open(page, text) {
  await rowOf(page, text).hover();
  await rowOf(page, text).getByRole('button', { name: 'Reply in thread', exact: true }).click();
  await page.locator('#thread-composer').waitFor();
}

async function reply(page, text) {
  await page.locator('#thread-composer').fill(text);
  await page.locator('#thread-composer').press('Enter');
}

const line = (page, text) => rowOf(page, text).locator('.thread-line');
const shows = (page, text, wanted) => until(`${wanted} under ${text}`, () => line(page, text).locator('strong').textContent(), wanted);
const holds = (page, text) => panel(page).locator('.bubble', { hasText: text }).waitFor();

export const threads = {
  'a thread beside the conversation: replies on every device, none in the timeline, unread where one follows': async (world) => {
    const { ann, bob } = await friends(world);
    await ann.write('where shall we meet');
    await ann.allSent();
    await bob.sees('where shall we meet');
    const second = await bob.tab();
    await second.goto(bob.page.url());
    await second.locator('.bubble', { hasText: 'where shall we meet' }).waitFor();
    await open(bob.page, 'where shall we meet');
    await reply(bob.page, 'at the harbour');
    await holds(bob.page, 'at the harbour');
    for (const page of [ann.page, bob.page, second]) await shows(page, 'where shall we meet', '1 reply');
    // Hers: she follows it, and has not read it.
    await until('a dot', () => line(ann.page, 'where shall we meet').getAttribute('data-unread'), 'true');
    assert.equal(await ann.page.locator('.conversation .bubble', { hasText: 'at the harbour' }).count(), 0);
    await ann.shot('thread-line');
    await line(ann.page, 'where shall we meet').click();
    await holds(ann.page, 'at the harbour');
    await until('no dot', () => line(ann.page, 'where shall we meet').getAttribute('data-unread'), null);
    await reply(ann.page, 'and then to the island');
    await holds(bob.page, 'and then to the island');
    for (const page of [ann.page, bob.page, second]) await shows(page, 'where shall we meet', '2 replies');
    await bob.shot('thread');
    // The other device has the same, after a reload, too.
    await second.reload();
    await shows(second, 'where shall we meet', '2 replies');
    await line(second, 'where shall we meet').click();
    await holds(second, 'and then to the island');
    // An edit and a deletion reach the panel and the count.
    const own = panel(bob.page).locator('.message-row', { has: bob.page.locator('.bubble', { hasText: /harbour/ }) });
    await own.hover();
    await own.getByRole('button', { name: 'Edit', exact: true }).click();
    await reply(bob.page, 'at the old harbour');
    await holds(ann.page, 'at the old harbour');
    await own.hover();
    await own.getByRole('button', { name: 'Delete', exact: true }).click();
    await bob.page.getByRole('alertdialog').getByRole('button', { name: 'Delete for everyone', exact: true }).click();
    await panel(ann.page).locator('.bubble[data-body="erased"]').waitFor();
    for (const page of [ann.page, bob.page, second]) await shows(page, 'where shall we meet', '1 reply');
    assert.equal((await texts(ann.page)).length, 3);
  },

  'a draft in a thread stays, and the list of threads leads to what is new': async (world) => {
    const { ann, bob } = await friends(world);
    await ann.write('the plan');
    await ann.allSent();
    await bob.sees('the plan');
    await open(ann.page, 'the plan');
    await ann.page.locator('#thread-composer').fill('not yet');
    await panel(ann.page).getByRole('button', { name: 'Close', exact: true }).click();
    await open(bob.page, 'the plan');
    await reply(bob.page, 'first of all');
    await until('a badge', () => ann.page.locator('.rail a[href="/threads"] .rail-badge [aria-hidden]').textContent(), '1');
    await ann.page.locator('.rail a[href="/threads"]').click();
    await ann.page.locator('.thread-row', { hasText: 'the plan' }).waitFor();
    await ann.shot('threads');
    await ann.page.locator('.thread-row', { hasText: 'the plan' }).click();
    await holds(ann.page, 'first of all');
    await until('the draft', () => ann.page.locator('#thread-composer').inputValue(), 'not yet');
    await until('no badge', () => ann.page.locator('.rail a[href="/threads"] .rail-badge').count(), 0);
    await ann.page.reload();
    await open(ann.page, 'the plan');
    await until('the draft', () => ann.page.locator('#thread-composer').inputValue(), 'not yet');
    // No longer followed, nothing calls.
    await panel(ann.page).getByRole('button', { name: 'Stop following this thread', exact: true }).click();
    await panel(ann.page).getByRole('button', { name: 'Follow this thread', exact: true }).waitFor();
    await panel(ann.page).getByRole('button', { name: 'Close', exact: true }).click();
    await reply(bob.page, 'second');
    await shows(ann.page, 'the plan', '2 replies');
    assert.equal(await line(ann.page, 'the plan').getAttribute('data-unread'), null);
  },

  'on a narrow screen a thread has all of it': async (world) => {
    const { ann, bob } = await friends(world, { viewport: { width: 320, height: 640 }, hasTouch: true, isMobile: true });
    await ann.bubble('Hello Bob').tap();
    await rowOf(ann.page, 'Hello Bob').getByRole('button', { name: 'Reply in thread', exact: true }).tap();
    await ann.page.locator('#thread-composer').waitFor();
    await reply(ann.page, 'in the small');
    await holds(ann.page, 'in the small');
    const { left, right } = await panel(ann.page).evaluate((one) => one.getBoundingClientRect());
    assert.deepEqual([left, right], [0, 320]);
    assert.ok((await sideways(ann.page)) <= 0);
    await ann.shot('thread-320');
    await shows(bob.page, 'Hello Bob', '1 reply');
  },
};
