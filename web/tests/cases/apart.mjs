import assert from 'node:assert/strict';
import { friends, PASSWORD, Person, until } from '../support/person.mjs';

/** Chooses from the menu of a row. */
async function choose(person, title, entry) {
  const place = person.page.locator('.list-place', { has: person.row(title) });
  await place.hover();
  await place.getByRole('button', { name: `Options for ${title}` }).click();
  await person.page.getByRole('menuitem', { name: entry, exact: true }).click();
}

const titles = (person) =>
  person.page
    .locator('.list-rows .row-name')
    .allTextContents()
    .then((all) => all.join());

export const apart = {
  'what is pinned, muted and archived on one device is so on the other, and what is muted is in no count': async (world) => {
    const { ann, bob } = await friends(world);
    await ann.write('hello');
    await bob.sees('hello');
    const other = await Person.open(world, 'Bob Rivera');
    await other.logIn(bob.handle, PASSWORD);
    await other.row('Ann Verhoeven').waitFor();

    await choose(bob, 'Ann Verhoeven', 'Pin');
    await other.row('Ann Verhoeven').getByRole('img', { name: 'Pinned' }).waitFor();
    // On a row that is pointed at, the time gives way to the menu's button.
    const time = bob.row('Ann Verhoeven').locator('.row-time');
    const seen = () => time.evaluate((place) => getComputedStyle(place).opacity);
    await bob.row('Ann Verhoeven').hover();
    await until('that the time gives way', seen, '0');
    await bob.shot('row-pointed-at');
    await bob.page.locator('.conversation-title').hover();
    await until('that the time is back', seen, '1');
    await choose(bob, 'Ann Verhoeven', 'Mute');
    await other.row('Ann Verhoeven').getByRole('img', { name: 'Muted' }).waitFor();
    await bob.page.locator('.conversation-title').getByRole('img', { name: 'Muted' }).waitFor();
    await bob.page.goto(`${world.url}/`);
    await ann.write('are you there?');
    const badge = other.row('Ann Verhoeven').locator('.badge');
    await until('what is unread', () => badge.textContent(), '1');
    assert.equal(await badge.getAttribute('data-muted'), 'true');
    assert.equal(await other.page.title(), 'RelayHub');
    assert.equal(await other.page.locator('.rail-badge').count(), 0);
    await other.shot('muted');

    // Muted, it stays archived whatever is written; heard again, it is back.
    await choose(other, 'Ann Verhoeven', 'Archive');
    await until('that it is gone from the list', () => titles(bob), '');
    await ann.write('anybody?');
    await bob.page.getByRole('button', { name: 'Archived' }).click();
    await until('what is unread in the archive', () => bob.row('Ann Verhoeven').locator('.badge').textContent(), '2');
    await bob.page.reload();
    await bob.page.getByRole('button', { name: 'Archived' }).click();
    await bob.shot('archived');
    await choose(bob, 'Ann Verhoeven', 'Unmute');
    await until('that it is back', () => titles(other), 'Ann Verhoeven');
    await until('that it counts', () => other.page.title(), '(1) RelayHub');
    await other.row('Ann Verhoeven').getByRole('img', { name: 'Pinned' }).waitFor({ state: 'detached' });
  },
};
