import assert from 'node:assert/strict';
import { friends, until } from '../support/person.mjs';

const ticks = (person, text) => person.bubble(text).last().locator('.ticks');

/** Switches receipts on the page of settings, and goes back to the conversation. */
async function setReceipts(person, world, word) {
  const conversation = person.page.url();
  await person.page.goto(`${world.url}/settings/privacy`);
  const choice = person.page.locator('.choice', { hasText: word });
  await person.page.locator('.choice input:checked').waitFor();
  await choice.click();
  await until('the choice', () => choice.locator('input').isChecked(), true);
  await person.page.goto(conversation);
  await person.page.locator('#composer').waitFor();
}

export const receipts = {
  'a message that was read shows so to its sender, and not when receipts are off': async (world) => {
    const { ann, bob } = await friends(world);
    await ann.write('look at this');
    await bob.sees('look at this');
    await until('ticks of what was read', () => ticks(ann, 'look at this').getAttribute('aria-label'), 'Read');
    await until('ticks in the list', () => ann.row('Bob Rivera').locator('.ticks').getAttribute('data-state'), 'read');
    await ann.shot('receipts');
    await ann.page.reload();
    await until('ticks after a reload', () => ticks(ann, 'look at this').getAttribute('data-state'), 'read');

    await setReceipts(bob, world, 'Off');
    await bob.write('mine');
    await ann.sees('mine');
    await ann.write('untold');
    await bob.sees('untold');
    // Off works both ways.
    assert.equal(await ticks(bob, 'mine').getAttribute('data-state'), 'sent');
    await setReceipts(bob, world, 'On');
    await until('what others have read, on again', () => ticks(bob, 'mine').getAttribute('data-state'), 'read');
    await ann.write('told again');
    await bob.sees('told again');
    await until('ticks of what is read now', () => ticks(ann, 'told again').getAttribute('data-state'), 'read');
    assert.equal(await ticks(ann, 'untold').getAttribute('data-state'), 'sent', 'what was read while they were off');
  },
};
