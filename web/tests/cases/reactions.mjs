import assert from 'node:assert/strict';
import { sideways } from '../support/looks.mjs';
import { friends, until } from '../support/person.mjs';
import { relay } from '../support/relay.mjs';

/** The row of a message. */
const rowOf = (page, text) => page.locator('.message-row', { has: page.locator('.bubble', { hasText: text }) }).first();

/** What stands below a message: the emoji, how many, and whether one's own. */
const chips = (page, text) =>
  rowOf(page, text)
    .locator('.reaction')
    .evaluateAll((all) => all.map((chip) => `${chip.textContent} ${chip.getAttribute('aria-pressed')}`));

const shows = (page, text, wanted) =>
  until(`reactions to ${text}`, () => chips(page, text).then((shown) => shown.join(', ')), wanted.join(', '));

/** Opens the quick reactions of a message. */
async function open(page, text) {
  await rowOf(page, text).hover();
  await rowOf(page, text).getByRole('button', { name: 'React', exact: true }).click();
  await page.locator('.quick-reactions').waitFor();
}

async function react(page, text, emoji) {
  await open(page, text);
  await page.locator('.quick-reactions').getByRole('button', { name: emoji, exact: true }).click();
  await page.locator('.quick-reactions').waitFor({ state: 'detached' });
}

export const reactions = {
  'reactions show at once, on every device, and after a reload; a chip says the same or takes it back': async (world) => {
    const { ann, bob } = await friends(world);
    await ann.write('shall we');
    await ann.allSent();
    await bob.sees('shall we');
    const second = await bob.tab();
    await second.goto(bob.page.url());
    await second.locator('.bubble', { hasText: 'shall we' }).waitFor();
    await react(bob.page, 'shall we', '👍');
    for (const page of [bob.page, second]) await shows(page, 'shall we', ['👍1 true']);
    await shows(ann.page, 'shall we', ['👍1 false']);
    await rowOf(ann.page, 'shall we').locator('.reaction').click();
    await react(ann.page, 'shall we', '🎉');
    await shows(ann.page, 'shall we', ['👍2 true', '🎉1 true']);
    for (const page of [bob.page, second]) await shows(page, 'shall we', ['👍2 true', '🎉1 false']);
    await ann.shot('reactions');
    // Who, by name.
    await rowOf(ann.page, 'shall we').hover();
    await rowOf(ann.page, 'shall we').getByRole('button', { name: 'Reactions…', exact: true }).click();
    const dialog = ann.page.getByRole('dialog');
    await until('three reactions', () => dialog.locator('li').count(), 3);
    assert.match(await dialog.textContent(), /Bob Rivera👍/);
    await ann.page.keyboard.press('Escape');
    // Taken back, also from the quick ones.
    await react(bob.page, 'shall we', '👍');
    for (const page of [bob.page, second]) await shows(page, 'shall we', ['👍1 false', '🎉1 false']);
    await second.reload();
    await second.locator('.bubble', { hasText: 'shall we' }).waitFor();
    await shows(second, 'shall we', ['👍1 false', '🎉1 false']);
    assert.match(await rowOf(second, 'shall we').getAttribute('aria-label'), /Reactions: 👍 1, 🎉 1/);
  },

  'any emoji of the picker, by keyboard too': async (world) => {
    const { ann, bob } = await friends(world);
    await ann.write('any of them');
    await ann.allSent();
    await bob.sees('any of them');
    await rowOf(bob.page, 'any of them').focus();
    await bob.page.keyboard.press('Enter');
    await bob.page.keyboard.press('Enter');
    await bob.page.locator('.quick-reactions').waitFor();
    await bob.page.getByRole('button', { name: 'Other emoji' }).press('Enter');
    await bob.page.locator('.emoji-search').fill('pineapple');
    await bob.page.locator('.emoji', { hasText: '🍍' }).first().click();
    await shows(bob.page, 'any of them', ['🍍1 true']);
    await shows(ann.page, 'any of them', ['🍍1 false']);
  },

  'a reaction given without a network goes out when it is back, and those to a deleted message are gone': async (world) => {
    const { ann, bob } = await friends(world);
    await ann.write('in the dark');
    await ann.allSent();
    await bob.sees('in the dark');
    await relay('link_cut');
    try {
      await react(bob.page, 'in the dark', '😂');
      await shows(bob.page, 'in the dark', ['😂1 true']);
      assert.deepEqual(await chips(ann.page, 'in the dark'), []);
    } finally {
      await relay('link_heal');
    }
    await shows(ann.page, 'in the dark', ['😂1 false']);
    await rowOf(ann.page, 'in the dark').hover();
    await rowOf(ann.page, 'in the dark').getByRole('button', { name: 'Delete', exact: true }).click();
    await ann.page.getByRole('alertdialog').getByRole('button', { name: 'Delete for everyone', exact: true }).click();
    for (const page of [ann.page, bob.page]) {
      await page.locator('.bubble[data-body="erased"]').first().waitFor();
      await until('no reactions', () => page.locator('.reaction').count(), 0);
    }
  },

  'with a finger at 320 pixels the quick reactions fit, and chips stay below their message': async (world) => {
    const { ann, bob } = await friends(world, { viewport: { width: 320, height: 640 }, hasTouch: true, isMobile: true });
    const wide = ann.page.viewportSize().width;
    const inside = (selector) =>
      ann.page
        .locator(selector)
        .evaluateAll((all) => all.map((one) => one.getBoundingClientRect()).map(({ left, right }) => [left, right]));
    for (const emoji of ['👍', '❤️', '😂', '🎉', '😮', '😢']) {
      await ann.bubble('Hello Bob').tap();
      await rowOf(ann.page, 'Hello Bob').getByRole('button', { name: 'React', exact: true }).tap();
      const quick = ann.page.locator('.quick-reactions');
      await quick.waitFor();
      if (emoji === '😢') await ann.shot('quick-reactions-320');
      const buttons = await inside('.quick-reactions button');
      assert.equal(buttons.length, 7);
      for (const [left, right] of buttons) assert.ok(left >= 0 && right <= wide && right - left >= 40, `${left} to ${right}`);
      await quick.getByRole('button', { name: emoji, exact: true }).tap();
      await quick.waitFor({ state: 'detached' });
    }
    await until('six chips', () => rowOf(bob.page, 'Hello Bob').locator('.reaction').count(), 6);
    await rowOf(bob.page, 'Hello Bob').locator('.reaction').first().tap();
    await until('two thumbs', () => chips(ann.page, 'Hello Bob').then((shown) => shown[0]), '👍2 true');
    await ann.shot('reactions-320');
    for (const [left, right] of await inside('.reaction')) assert.ok(left >= 0 && right <= wide, `${left} to ${right}`);
    assert.ok((await sideways(ann.page)) <= 0);
  },
};
