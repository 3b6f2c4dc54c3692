import assert from 'node:assert/strict';
import { friends, until } from '../support/person.mjs';
import { relay } from '../support/relay.mjs';

/** The row of a message. */
const rowOf = (person, text) => person.page.locator('.message-row', { has: person.bubble(text) }).first();

async function ask(person, text) {
  const row = rowOf(person, text);
  await row.hover();
  await row.getByRole('button', { name: 'Delete', exact: true }).click();
  await person.page.getByRole('alertdialog').waitFor();
}

const answer = (person, name) => person.page.getByRole('alertdialog').getByRole('button', { name, exact: true }).click();

const gone = (page, text) => until(`${text} to be gone`, () => page.locator('.bubble', { hasText: text }).count(), 0);

export const deletions = {
  'a message deleted for everyone is a tombstone on every device, in quotes and after a reload': async (world) => {
    const { ann, bob } = await friends(world);
    await ann.write('the secret door');
    await ann.allSent();
    await bob.sees('the secret door');
    await rowOf(bob, 'the secret door').hover();
    await rowOf(bob, 'the secret door').getByRole('button', { name: 'Reply', exact: true }).click();
    await bob.write('which one');
    const second = await ann.tab();
    await second.goto(ann.page.url());
    await second.locator('.bubble', { hasText: 'which one' }).waitFor();
    await ask(ann, 'the secret door');
    await ann.shot('delete');
    await answer(ann, 'Delete for everyone');
    for (const page of [ann.page, second, bob.page]) {
      await page.locator('.bubble[data-body="erased"]').first().waitFor();
      await until(
        'the text to be gone',
        () => page.locator('.message-scroller').textContent(),
        (text) => !text.includes('secret door'),
      );
    }
    await ann.allSent();
    await bob.page.reload();
    await bob.page.locator('.bubble[data-body="erased"]').waitFor();
    assert.equal(await bob.bubble('the secret door').count(), 0);
    // What is another's one may only hide from oneself.
    await ask(bob, 'This message was deleted');
    assert.equal(await bob.page.getByRole('alertdialog').getByRole('button', { name: 'Delete for everyone' }).count(), 0);
    await answer(bob, 'Cancel');
  },

  "a message deleted for oneself is gone on one's devices and nowhere else": async (world) => {
    const { ann, bob } = await friends(world);
    await ann.write('first line');
    await ann.write('dull line');
    await ann.allSent();
    await bob.sees('dull line');
    const second = await bob.tab();
    await second.goto(bob.page.url());
    await second.locator('.bubble', { hasText: 'dull line' }).waitFor();
    await ask(bob, 'dull line');
    await answer(bob, 'Delete for me');
    for (const page of [bob.page, second]) await gone(page, 'dull line');
    await until(
      'the list',
      () => bob.page.locator('.row').first().textContent(),
      (text) => text.includes('first line'),
    );
    await bob.page.reload();
    await bob.sees('first line');
    assert.equal(await bob.bubble('dull line').count(), 0);
    await ann.sees('dull line');
  },

  'a deletion asked for without a network goes out when it is back': async (world) => {
    const { ann, bob } = await friends(world);
    await ann.write('too soon');
    await ann.allSent();
    await bob.sees('too soon');
    await relay('link_cut');
    try {
      await ask(ann, 'too soon');
      await answer(ann, 'Delete for everyone');
      await gone(ann.page, 'too soon');
      await bob.sees('too soon');
    } finally {
      await relay('link_heal');
    }
    await gone(bob.page, 'too soon');
    await ann.allSent();
  },
};
