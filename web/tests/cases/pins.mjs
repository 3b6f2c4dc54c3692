import assert from 'node:assert/strict';
import { sideways } from '../support/looks.mjs';
import { friends, until } from '../support/person.mjs';
import { newGroup } from './groups.mjs';

/** The row of a message; what quotes it comes later. */
const rowOf = (page, text) => page.locator('.message-row', { has: page.locator('.bubble', { hasText: text }) }).first();

async function tool(page, text, name) {
  await rowOf(page, text).hover();
  await rowOf(page, text).getByRole('button', { name, exact: true }).click();
}

/** What the bar under the header shows. */
const bar = (page, text) => page.locator('.pin-bar .pin-text', { hasText: text }).waitFor();
const noBar = (page) => page.locator('.pin-bar').waitFor({ state: 'detached' });

export const pins = {
  'a pin shows on every device, after a reload, and as what the message says now; a press goes there': async (world) => {
    const { ann, bob } = await friends(world);
    await ann.write('the door code is 1234');
    for (let line = 0; line < 40; line += 1) await ann.write(`a line of some length, number ${line}`);
    await bob.sees('number 39');
    const second = await bob.tab();
    await second.goto(bob.page.url());
    await second.locator('.bubble', { hasText: 'number 39' }).waitFor();
    await tool(bob.page, 'number 39', 'Pin');
    for (const page of [ann.page, bob.page, second]) await bar(page, 'number 39');
    await ann.page.locator('.change-line', { hasText: /Bob Rivera.? pinned a message/ }).waitFor();
    await bob.page.locator('.change-line', { hasText: 'You pinned a message' }).waitFor();
    await bob.page.locator('.message-scroller').evaluate((box) => box.scrollTo(0, 0));
    await tool(bob.page, 'the door code', 'Pin');
    for (const page of [ann.page, bob.page, second]) await bar(page, 'the door code is 1234');
    await ann.shot('pins');
    // A press goes to the newest, and the bar shows the next.
    await ann.page.locator('.pin-shown').click();
    await ann.page.locator('.message-row[data-flash]', { hasText: 'the door code' }).waitFor();
    await bar(ann.page, 'number 39');
    await ann.page.locator('.pin-shown').click();
    await ann.page.locator('.message-row[data-flash]', { hasText: 'number 39' }).waitFor();
    await bar(ann.page, 'the door code');
    // It refers: an edit shows, and a deletion ends it.
    await ann.page.locator('.pin-shown').click();
    await tool(ann.page, 'the door code', 'Edit');
    await ann.write('the door code is 5678');
    await ann.allSent();
    for (const page of [bob.page, second]) await bar(page, 'the door code is 5678');
    await second.reload();
    await bar(second, 'the door code is 5678');
    await second.locator('.change-line', { hasText: 'You pinned a message' }).first().waitFor();
    await tool(ann.page, 'the door code', 'Delete');
    await ann.page.getByRole('alertdialog').getByRole('button', { name: 'Delete for everyone', exact: true }).click();
    for (const page of [ann.page, bob.page, second]) await bar(page, 'number 39');
  },

  'all pins are in the details, where they are taken back': async (world) => {
    const { ann, bob } = await friends(world);
    for (const text of ['first of two', 'second of two']) {
      await ann.write(text);
      await bob.sees(text);
      await tool(bob.page, text, 'Pin');
      await bar(ann.page, text);
    }
    await ann.page.getByRole('button', { name: 'All pinned messages' }).click();
    const rows = ann.page.locator('.side-panel .pin-row');
    await until('two pins', () => rows.count(), 2);
    assert.deepEqual(await rows.locator('.pin-words').allInnerTexts(), ['second of two', 'first of two']);
    await ann.shot('pin-list');
    await rows.first().getByRole('button', { name: 'Unpin' }).click();
    await until('one pin', () => rows.count(), 1);
    await bar(bob.page, 'first of two');
    await bob.page.locator('.change-line', { hasText: 'unpinned a message' }).waitFor();
    await tool(bob.page, 'first of two', 'Unpin');
    for (const page of [ann.page, bob.page]) await noBar(page);
  },

  'in a group members see pins and do not pin; at 320 pixels the bar fits': async (world) => {
    const { ann, bob } = await friends(world, { viewport: { width: 320, height: 640 } });
    await ann.page.goto(new URL('/', ann.page.url()).href);
    await newGroup(ann, 'Harbour walk', [bob.handle]);
    await bob.page.goto(new URL('/', bob.page.url()).href);
    await bob.open('Harbour walk');
    const long = `meet at the long pier, ${'very '.repeat(30)}early`;
    await ann.write(long);
    await bob.sees('meet at the long pier');
    await tool(ann.page, 'meet at the long pier', 'Pin');
    for (const page of [ann.page, bob.page]) await bar(page, 'meet at the long pier');
    await ann.shot('pins-320');
    assert.ok((await sideways(ann.page)) <= 0);
    await rowOf(bob.page, 'meet at the long pier').hover();
    assert.equal(await rowOf(bob.page, 'meet at the long pier').getByRole('button', { name: 'Unpin', exact: true }).count(), 0);
    await bob.page.getByRole('button', { name: 'All pinned messages' }).click();
    const list = bob.page.locator('.side-panel .pin-row');
    await until('one pin', () => list.count(), 1);
    assert.equal(await list.getByRole('button', { name: 'Unpin' }).count(), 0);
  },
};
