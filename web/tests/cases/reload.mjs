import assert from 'node:assert/strict';
import { friends, until } from '../support/person.mjs';
import { relay } from '../support/relay.mjs';

export const reload = {
  'what was typed a moment before a reload is there after it': async (world) => {
    const { ann } = await friends(world);
    for (const text of ['first half', 'first half, second half']) {
      // In one turn of the page: nothing of it gets a chance to wait.
      await Promise.all([ann.page.waitForEvent('load'), ann.page.locator('#composer').evaluate(typeAndReload, { text, sends: false })]);
      await until('the draft', () => ann.page.locator('#composer').inputValue(), text);
    }
    await ann.row('Bob Rivera').locator('.row-draft').waitFor();
  },

  'a message that was sent a moment before a reload arrives once': async (world) => {
    const { ann, bob } = await friends(world);
    for (let round = 0; round < 5; round += 1) {
      const text = `round ${round}`;
      await Promise.all([ann.page.waitForEvent('load'), ann.page.locator('#composer').evaluate(typeAndReload, { text, sends: true })]);
      await ann.sees(text);
      assert.equal(await ann.page.locator('#composer').inputValue(), '', 'it is no draft any more');
    }
    await bob.sees('round 4');
    await ann.allSent();
    for (const person of [ann, bob]) assert.deepEqual(await rounds(person), [0, 1, 2, 3, 4], `${person.name} has each once, in order`);
  },

  'a reload while the answer is on its way sends nothing twice': async (world) => {
    const { ann, bob } = await friends(world);
    // It reaches the server, and the answer comes too late for this page.
    await relay('link_slow', { ms: 500 });
    try {
      for (let round = 0; round < 3; round += 1) {
        await ann.write(`round ${round}`);
        await ann.bubble(`round ${round}`).locator('.ticks[data-state=pending]').waitFor();
        await ann.page.reload();
        await ann.sees(`round ${round}`);
      }
    } finally {
      await relay('link_heal');
    }
    await bob.sees('round 2');
    await ann.allSent();
    for (const person of [ann, bob]) assert.deepEqual(await rounds(person), [0, 1, 2], `${person.name} has each once, in order`);
  },

  'a page whose store a newer version took says why it stopped, and goes on after a reload': async (world) => {
    const { ann } = await friends(world);
    await ann.page.locator('#composer').fill('not finished');
    await ann.page.evaluate(async () => {
      const [{ name, version }] = await indexedDB.databases();
      await new Promise((resolve, reject) => {
        const opening = indexedDB.open(name, version + 1);
        opening.onerror = reject;
        opening.onsuccess = () => {
          opening.result.close();
          resolve();
        };
      });
    });
    const told = ann.page.locator('.unavailable', { hasText: 'newer version' });
    await told.waitFor();
    await ann.shot('outdated');
    await Promise.all([ann.page.waitForEvent('load'), told.locator('button').click()]);
    await ann.sees('Hello Bob');
    await until('the draft', () => ann.page.locator('#composer').inputValue(), 'not finished');
    await until('open sockets', () => ann.openSockets(), 1);
  },

  'a new build is offered, and taking it keeps the draft': async (world) => {
    const { ann } = await friends(world);
    await ann.page.evaluate(() => navigator.serviceWorker.ready);
    await ann.page.reload();
    await until('the worker', () => ann.page.evaluate(() => navigator.serviceWorker.controller !== null), true);
    const second = await ann.tab();
    await second.goto(`${world.url}/people`);
    await second.locator('#main').waitFor();
    await ann.page.bringToFront();
    const build = `tests-${Date.now().toString(36)}`;
    await relay('release', { build });
    assert.equal(await ann.page.locator('.update-prompt .button').count(), 0, 'nothing is offered before');
    // As when one comes back to the tab.
    await ann.page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
    await ann.page.locator('.update-prompt .button').waitFor();
    await ann.shot('update');
    await ann.page.locator('#composer').fill('not finished');
    await Promise.all([ann.page.waitForEvent('load'), ann.page.locator('.update-prompt .button').click()]);
    await until(
      'the build',
      () =>
        ann.page
          .locator('meta[name=build]')
          .getAttribute('content')
          .catch(() => null),
      build,
    );
    await until('the draft', () => ann.page.locator('#composer').inputValue(), 'not finished');
    assert.equal(await ann.page.locator('.update-prompt .button').count(), 0);
    // The other tab was not reloaded under its person's hands, and goes on.
    assert.equal(await second.locator('meta[name=build]').count(), 0);
    await second.locator('.rail a, .rail button').first().click();
    await second.locator('.row').first().click();
    await second.locator('#composer').waitFor();
  },
};

/** Types as a person does, and reloads in the same turn. Runs in the page. */
function typeAndReload(box, { text, sends }) {
  Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, 'value').set.call(box, text);
  box.dispatchEvent(new Event('input', { bubbles: true }));
  if (sends) box.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, cancelable: true }));
  location.reload();
}

async function rounds(person) {
  const texts = await person.page.locator('.bubble').allInnerTexts();
  return texts
    .map((text) => /round (\d+)/.exec(text)?.[1])
    .filter(Boolean)
    .map(Number);
}
