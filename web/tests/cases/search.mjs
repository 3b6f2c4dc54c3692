import assert from 'node:assert/strict';
import { friends, until } from '../support/person.mjs';
import { relay } from '../support/relay.mjs';

const sheet = (person) => person.page.locator('.message-search');
const hits = (person) => sheet(person).getByRole('option');

/** Types into the sheet until so many are found: a message can be found a moment after it was sent. */
async function look(person, text, count) {
  const field = sheet(person).getByRole('combobox');
  await until(
    `${count} hits for ${text}`,
    async () => {
      await field.fill('');
      await field.fill(text);
      await until(
        'an answer',
        () => sheet(person).locator('.search-said').first().textContent(),
        (said) => /found|message/i.test(said ?? ''),
      );
      return hits(person).count();
    },
    count,
  );
}

export const search = {
  'a message is found by its words and shown where it was said': async (world) => {
    const { ann, bob } = await friends(world);
    await ann.write('A **kestrel** over the Harbour <b>today</b>');
    await bob.sees('kestrel');
    const conversation = ann.conversationId();
    const now = Date.now();
    await relay('load', { conversation, authors: [bob.id], count: 300, from_ms: now, every_ms: 1, text: 'later', wait: true });
    await bob.write('harbour again');
    await ann.sees('harbour again');

    // By keyboard alone, from the conversation to the message.
    const { page } = ann;
    await page.keyboard.press('Control+f');
    await sheet(ann).waitFor();
    await look(ann, 'harb', 2);
    await look(ann, 'from:me harb', 1);
    const marked = await hits(ann).first().locator('mark').allTextContents();
    assert.deepEqual(marked, ['Harbour']);
    assert.match((await hits(ann).first().textContent()) ?? '', /over the Harbour <b>today<\/b>/, 'what was typed, and never markup');
    await ann.shot('search');
    await page.keyboard.press('Enter');
    await sheet(ann).waitFor({ state: 'detached' });
    await ann.bubble('kestrel').waitFor();
    const shown = () =>
      ann
        .bubble('kestrel')
        .first()
        .evaluate((bubble) => {
          const { top, bottom } = bubble.getBoundingClientRect();
          return top >= 0 && bottom <= innerHeight;
        });
    await until('the message to be on the screen', shown, true);

    // In one conversation, from its header; and from the field over the list, in another page.
    await page.locator('.conversation-header').getByRole('button', { name: 'Search in this chat' }).click();
    await look(ann, 'later 299', 1);
    await page.keyboard.press('Escape');
    await page.goto(`${world.url}/`);
    await page.locator('#list-search').fill('kestrel');
    await page.locator('#list-search').press('Enter');
    await sheet(ann).waitFor();
    await until('the hit', () => hits(ann).count(), 1);
    await hits(ann).first().click();
    await page.waitForURL(`**/c/${conversation}`);
    await until('the message to be on the screen', shown, true);

    // What is deleted is found no more.
    const row = page.locator('.message-row', { has: ann.bubble('kestrel') }).first();
    await row.hover();
    await row.getByRole('button', { name: 'Delete', exact: true }).click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Delete for everyone', exact: true }).click();
    await until('the message to be gone', () => page.locator('.bubble', { hasText: 'kestrel' }).count(), 0);
    await bob.page.keyboard.press('Control+f');
    await look(bob, 'kestrel', 0);
    await look(bob, 'harbour', 1);
  },
};
