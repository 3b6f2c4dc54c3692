import assert from 'node:assert/strict';
import { friends, until } from '../support/person.mjs';
import { relay } from '../support/relay.mjs';

/** The row of a message; those that quote it come later. */
const rowOf = (person, text) => person.page.locator('.message-row', { has: person.bubble(text) }).first();

async function tool(person, text, name) {
  const row = rowOf(person, text);
  await row.hover();
  await row.getByRole('button', { name, exact: true }).click();
}

export const edits = {
  'a reply quotes what the message says now, and a press goes there': async (world) => {
    const { ann, bob } = await friends(world);
    await ann.write('dinner at sevn');
    for (let line = 0; line < 40; line += 1) await ann.write(`a line of some length, number ${line}`);
    await bob.sees('number 39');
    await bob.page.locator('.message-scroller').evaluate((box) => box.scrollTo(0, 0));
    await bob.sees('dinner at sevn');
    await tool(bob, 'dinner at sevn', 'Reply');
    await bob.page.locator('.compose-bar', { hasText: 'dinner at sevn' }).waitFor();
    await bob.write('I am there');
    await bob.page.locator('.compose-bar').waitFor({ state: 'detached' });
    for (const person of [ann, bob]) await rowOf(person, 'I am there').locator('.quote', { hasText: 'dinner at sevn' }).waitFor();
    await ann.shot('reply');
    // The first line of all is edited: every quote of it says so, on both devices.
    await rowOf(ann, 'I am there').locator('.quote').click();
    await ann.page.locator('.message-row[data-flash]').waitFor();
    await tool(ann, 'dinner at sevn', 'Edit');
    assert.equal(await ann.page.locator('#composer').inputValue(), 'dinner at sevn');
    await ann.write('dinner at seven');
    await ann.allSent();
    await bob.page.locator('.quote', { hasText: 'dinner at seven' }).first().waitFor();
    await ann.page.locator('.message-scroller').evaluate((box) => box.scrollTo(0, box.scrollHeight));
    await rowOf(ann, 'I am there').locator('.quote', { hasText: 'dinner at seven' }).waitFor();
  },

  'the up key edits the last own message, and both see what it said before': async (world) => {
    const { ann, bob } = await friends(world);
    await ann.write('first');
    await ann.write('secnd');
    await ann.allSent();
    const second = await ann.tab();
    await second.goto(ann.page.url());
    await second.locator('.bubble', { hasText: 'secnd' }).waitFor();
    const field = ann.page.locator('#composer');
    await field.focus();
    await field.press('ArrowUp');
    await until('the text in the field', () => field.inputValue(), 'secnd');
    await field.press('Escape');
    await until('the field after Esc', () => field.inputValue(), '');
    await field.press('ArrowUp');
    await ann.write('second');
    for (const page of [ann.page, second, bob.page]) {
      await page.locator('.bubble', { hasText: 'second' }).locator('.edited-mark').waitFor();
      assert.equal(await page.locator('.bubble', { hasText: 'secnd' }).count(), 0);
    }
    await until(
      'the list of the other',
      () => bob.page.locator('.row').first().textContent(),
      (text) => text.includes('second'),
    );
    await rowOf(bob, 'second').locator('.edited-mark').click();
    const versions = bob.page.locator('.revisions li');
    await until('versions', () => versions.count(), 2);
    assert.deepEqual(await versions.locator('p').allInnerTexts(), ['second', 'secnd']);
    await bob.shot('versions');
    await bob.page.keyboard.press('Escape');
    // It outlives a reload.
    await bob.page.reload();
    await bob.page.locator('.bubble', { hasText: 'second' }).locator('.edited-mark').waitFor();
  },

  'an edit written without a network goes out when it is back': async (world) => {
    const { ann, bob } = await friends(world);
    await ann.write('on the wya');
    await bob.sees('on the wya');
    await ann.allSent();
    await relay('link_cut');
    try {
      await tool(ann, 'on the wya', 'Edit');
      await ann.write('on the way');
      await ann.sees('on the way');
    } finally {
      await relay('link_heal');
    }
    await bob.sees('on the way');
    await ann.allSent();
  },
};
