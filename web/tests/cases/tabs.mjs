import assert from 'node:assert/strict';
import { friends, until } from '../support/person.mjs';

/** The SDK's: a leader that says nothing for so long is replaced. */
const DEAD_MS = 5_000;

const REFRESH = '**/v1/auth/refresh';

/** Writes down the answers to renewals. */
function renewals(person) {
  const statuses = [];
  person.context.on('response', (response) => {
    if (response.url().endsWith('/v1/auth/refresh')) statuses.push(response.status());
  });
  return statuses;
}

export const tabs = {
  'two tabs that renew their session at once stay logged in': async (world) => {
    const { ann, bob } = await friends(world);
    const second = await ann.tab();
    await second.goto(ann.page.url());
    await second.locator('.bubble', { hasText: 'Hello Bob' }).waitFor();
    const statuses = renewals(ann);
    // A tab that is loaded has no access token, and nobody to ask for one.
    for (let round = 0; round < 4; round += 1) await Promise.all([ann.page.reload(), second.reload()]);
    await bob.write('still there?');
    await Promise.all([ann.sees('still there?'), second.locator('.bubble', { hasText: 'still there?' }).waitFor()]);
    await until(
      'renewals',
      () => statuses.length,
      (count) => count > 0,
    );
    assert.deepEqual([...new Set(statuses)], [200], 'no renewal is refused');
    await until('open sockets', () => ann.openSockets(), 1);
  },

  'two tabs renew at once where the browser has no locks': async (world) => {
    const { ann, bob } = await friends(world);
    await ann.context.addInitScript(() => Object.defineProperty(Navigator.prototype, 'locks', { value: undefined }));
    const second = await ann.tab();
    const statuses = renewals(ann);
    // Both are asked at the same moment, and answered at the same moment.
    let held = [];
    await ann.context.route(REFRESH, async (route) => {
      const answer = await route.fetch();
      await new Promise((resolve) => {
        held.push(resolve);
        if (held.length === 2) for (const go of held.splice(0)) go();
      });
      await route.fulfill({ response: answer });
    });
    await Promise.all([ann.page.reload(), second.goto(ann.page.url())]);
    await until(
      'both asked',
      () => statuses.length,
      (count) => count >= 2,
    );
    held = [];
    await ann.context.unroute(REFRESH);
    await bob.write('to both');
    await Promise.all([ann.sees('to both'), second.locator('.bubble', { hasText: 'to both' }).waitFor()]);
    await second.locator('#composer').fill('from the second');
    await second.locator('#composer').press('Enter');
    await bob.sees('from the second');
    assert.deepEqual([...new Set(statuses)], [200], 'no renewal is refused');
  },

  'a renewal whose answer is lost is asked for again': async (world) => {
    const { ann, bob } = await friends(world);
    let lost = 0;
    await ann.context.route(
      REFRESH,
      async (route) => {
        await route.fetch();
        lost += 1;
        await route.abort('connectionreset');
      },
      { times: 1 },
    );
    await ann.page.reload();
    await until('lost answers', () => lost, 1);
    await bob.write('after the loss');
    await ann.sees('after the loss');
  },

  'a leader that does not answer is replaced while it sleeps, and steps down when it wakes': async (world) => {
    const { ann, bob } = await friends(world);
    const second = await ann.tab();
    await second.goto(ann.page.url());
    await second.locator('.bubble', { hasText: 'Hello Bob' }).waitFor();
    await until('the first tab leads', () => ann.openSockets(ann.page), 1);
    // The page does nothing any more, as one that the browser froze. Its socket stays open.
    const asleepMs = DEAD_MS + 5_000;
    const asleep = ann.page.evaluate((ms) => {
      const began = Date.now();
      const end = performance.now() + ms;
      while (performance.now() < end);
      return began;
    }, asleepMs);
    await until('the other tab leads', () => ann.openSockets(second), 1);
    await bob.write('while one sleeps');
    await second.locator('.bubble', { hasText: 'while one sleeps' }).waitFor();
    // By the clocks of the pages: when the one fell silent, and when the other began to connect.
    const tookMs = (await second.evaluate(() => globalThis.socketsMadeAt().at(-1))) - (await asleep);
    // A sleeping page takes a core of the machine: how long past the limit it takes is the machine's affair.
    assert.ok(tookMs < asleepMs, `it took ${tookMs} ms`);
    await until('open sockets', () => ann.openSockets(), 1);
    assert.equal(await ann.openSockets(second), 1, 'the one that woke has stepped down');
    await ann.sees('while one sleeps');
    assert.equal(await ann.bubble('while one sleeps').count(), 1);
    await ann.write('awake');
    await bob.sees('awake');
    assert.equal(await bob.bubble('awake').count(), 1);
  },

  'a page that waits in the cache of the browser gives the socket away, and has what came meanwhile': async (world) => {
    const { ann, bob } = await friends(world);
    const second = await ann.tab();
    await second.goto(ann.page.url());
    await second.locator('.bubble', { hasText: 'Hello Bob' }).waitFor();
    // The browser of these tests keeps no pages: it is told what one that does would tell.
    const tell = (name) =>
      ann.page.evaluate((type) => {
        dispatchEvent(new PageTransitionEvent(type, { persisted: true }));
      }, name);
    await tell('pagehide');
    await until('the other tab leads', () => ann.openSockets(second), 1);
    await until('sockets of a page in the cache', () => ann.openSockets(ann.page), 0);
    await bob.write('while she was elsewhere');
    await second.locator('.bubble', { hasText: 'while she was elsewhere' }).waitFor();
    await second.close();
    await bob.write('and nobody was there');
    await tell('pageshow');
    await ann.sees('and nobody was there');
    for (const text of ['while she was elsewhere', 'and nobody was there']) assert.equal(await ann.bubble(text).count(), 1);
    await ann.write('back again');
    await bob.sees('back again');
  },
};
