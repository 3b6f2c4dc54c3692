import assert from 'node:assert/strict';
import { Account } from '../support/api.mjs';
import { friends, PASSWORD, until } from '../support/person.mjs';

const ticks = (person, text) => person.bubble(text).last().locator('.ticks');

/** Switches receipts on the page of settings, and goes back to the conversation. */
async function setReceipts(person, world, word) {
  const conversation = person.page.url();
  await person.page.goto(`${world.url}/settings/privacy`);
  const choices = person.page.getByRole('radiogroup', { name: 'Read receipts' }).locator('.choice');
  const choice = choices.filter({ hasText: word });
  await choices.locator('input:checked').waitFor();
  await choice.click();
  await until('the choice', () => choice.locator('input').isChecked(), true);
  await person.page.goto(conversation);
  await person.page.locator('#composer').waitFor();
}

/** Waits until the server knows that somebody has read the newest message, which says `text`. */
async function hasRead(person, world, text) {
  const device = Object.assign(new Account(), { world });
  const login = { handle: person.handle, password: PASSWORD, device_name: 'another' };
  device.token = (await device.ask('POST', 'auth/login', login)).access_token;
  const newest = async () => {
    const [row] = (await device.ask('GET', 'users/me/conversations')).conversations;
    return row.last_message.body.text === text && row.read_seq >= row.last_message.seq;
  };
  await until(`that ${person.name} has read ${text}`, newest, true);
}

export const receipts = {
  'a message that was delivered or read shows so to its sender, and not when receipts are off': async (world) => {
    const { ann, bob } = await friends(world);
    await ann.write('look at this');
    await bob.sees('look at this');
    await until('ticks of what was read', () => ticks(ann, 'look at this').getAttribute('aria-label'), 'Read');
    await until('ticks in the list', () => ann.row('Bob Rivera').locator('.ticks').getAttribute('data-state'), 'read');
    await ann.shot('receipts');
    const row = ann.page.locator('.message-row', { has: ann.bubble('look at this') }).first();
    await row.hover();
    await row.getByRole('button', { name: 'Details…', exact: true }).click();
    const details = ann.page.getByRole('dialog', { name: 'Details of the message' });
    await details.getByRole('heading', { name: 'Read by one' }).waitFor();
    await details.locator('li', { hasText: 'Bob Rivera' }).locator('time', { hasText: 'in a browser' }).waitFor();
    await ann.shot('message-details');
    await ann.page.keyboard.press('Escape');
    await details.waitFor({ state: 'detached' });
    await ann.page.reload();
    await until('ticks after a reload', () => ticks(ann, 'look at this').getAttribute('data-state'), 'read');

    // On a device of his, and not before his eyes.
    const conversation = bob.page.url();
    await bob.page.goto(`${world.url}/settings/privacy`);
    await ann.write('for later');
    await until('ticks of what was delivered', () => ticks(ann, 'for later').getAttribute('aria-label'), 'Delivered');
    await bob.page.goto(conversation);
    await bob.sees('for later');
    await until('ticks once it is read', () => ticks(ann, 'for later').getAttribute('data-state'), 'read');

    await setReceipts(bob, world, 'Off');
    await bob.write('mine');
    await ann.sees('mine');
    await ann.write('untold');
    await bob.sees('untold');
    await hasRead(bob, world, 'untold');
    // Off works both ways.
    await until('ticks with receipts off', () => ticks(bob, 'mine').getAttribute('data-state'), 'delivered');
    await setReceipts(bob, world, 'On');
    await until('what others have read, on again', () => ticks(bob, 'mine').getAttribute('data-state'), 'read');
    await ann.write('told again');
    await bob.sees('told again');
    await until('ticks of what is read now', () => ticks(ann, 'told again').getAttribute('data-state'), 'read');
    assert.equal(await ticks(ann, 'untold').getAttribute('data-state'), 'delivered', 'what was read while they were off');
  },

  'a message marked as unread counts on both devices until it is read again, and its sender sees no difference': async (world) => {
    const { ann, bob } = await friends(world);
    await ann.write('one');
    await ann.write('two');
    await bob.sees('two');
    await until('that it is read', () => ticks(ann, 'two').getAttribute('data-state'), 'read');
    const row = bob.page.locator('.message-row', { has: bob.bubble('one') }).first();
    await row.hover();
    await row.getByRole('button', { name: 'Mark as unread from here', exact: true }).click();
    const badge = bob.row('Ann Verhoeven').locator('.badge');
    await until('what is unread again', () => badge.textContent(), '2');
    await bob.page.reload();
    await until('what is unread after a reload', () => badge.textContent(), '2');
    assert.equal(await ticks(ann, 'two').getAttribute('data-state'), 'read');
    await bob.row('Ann Verhoeven').click();
    await bob.page.locator('.new-line').waitFor();
    await badge.waitFor({ state: 'detached' });
    await bob.page.reload();
    await bob.sees('two');
    await badge.waitFor({ state: 'detached' });
  },

  'who is there shows to the other, unless they are invisible, and last seen when they left': async (world) => {
    const { ann, bob } = await friends(world);
    const state = ann.page.locator('.conversation-state');
    const dot = ann.row('Bob Rivera').locator('.presence-dot');
    // Of two windows of one browser only one has the focus: bob may be idle.
    await until('that he is there', async () => /^(online|idle)$/.test(await state.textContent()), true);
    assert.match(await dot.getAttribute('data-state'), /^(online|idle)$/);
    await ann.shot('presence');
    await bob.page.goto(`${world.url}/settings/privacy`);
    await bob.page.locator('.choice', { hasText: 'Do not disturb' }).click();
    await until('that he is busy', () => state.textContent(), 'do not disturb');
    await bob.page.locator('.choice', { hasText: 'Invisible' }).click();
    await until('that he seems gone', async () => (await state.textContent()).startsWith('last seen'), true);
    await dot.waitFor({ state: 'detached' });
    await bob.page.locator('.choice', { hasText: 'Available' }).click();
    await dot.waitFor();
    await bob.page.locator('.choice', { hasText: 'Nobody' }).click();
    await until('that nothing is told', async () => (await state.textContent()).startsWith('@'), true);
  },
};
