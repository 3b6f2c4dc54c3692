import assert from 'node:assert/strict';
import { friends, until } from '../support/person.mjs';
import { relay } from '../support/relay.mjs';

export const network = {
  'what is written while the link is cut arrives once, over a reload': async (world) => {
    const { ann, bob } = await friends(world);
    await relay('link_cut');
    try {
      await bob.write('written without a network');
      await bob.page.locator('.bubble .ticks[data-state=pending]').waitFor();
      await bob.page.locator('.strip[data-shown]').waitFor();
      await bob.shot('reconnecting');
      // Without a conversation beside it, as on a phone, the list says it.
      await bob.page.locator('.rail-item').first().click();
      await bob.page.locator('.list-pane > .strip[data-shown]').waitFor();
      await bob.shot('reconnecting-list');
      await bob.page.goBack();
      await bob.page.reload();
      await bob.sees('written without a network');
    } finally {
      await relay('link_heal');
    }
    await ann.sees('written without a network');
    await bob.allSent();
    for (const person of [ann, bob]) assert.equal(await person.bubble('written without a network').count(), 1);
    await bob.page.locator('.strip[data-shown]').waitFor({ state: 'detached' });
  },

  'where no socket comes through people talk over a stream, and go back to a socket when one does': async (world) => {
    const { ann, bob } = await friends(world);
    await relay('link_without_sockets');
    const streams = [];
    bob.page.on('request', (request) => {
      if (new URL(request.url()).pathname === '/v1/events') streams.push(request.url());
    });
    try {
      await bob.write('over a stream');
      await ann.sees('over a stream');
      await bob.allSent();
      await ann.write('the other way');
      await bob.sees('the other way');
      assert.equal(await bob.openSockets(), 0);
      assert.ok(streams.length > 0 && streams.every((url) => !url.includes('token')), `asked for ${streams}`);
    } finally {
      await relay('link_heal');
    }
    // It looks for one now and then: within half a minute.
    await until('sockets of both', async () => [await ann.openSockets(), await bob.openSockets()].join(), '1,1', 60_000);
    await bob.write('over a socket');
    await ann.sees('over a socket');
    await bob.allSent();
    for (const text of ['over a stream', 'the other way', 'over a socket'])
      for (const person of [ann, bob]) assert.equal(await person.bubble(text).count(), 1);
  },

  'a gateway that is killed in mid-conversation loses nothing': async (world) => {
    const { ann, bob } = await friends(world);
    await bob.write('before');
    await relay('gateway_kill');
    try {
      for (let line = 0; line < 10; line += 1) await bob.write(`meanwhile ${line}`);
    } finally {
      await relay('gateway_restart');
    }
    await ann.sees('meanwhile 9');
    await bob.allSent();
    const texts = (await ann.page.locator('.bubble').allInnerTexts()).map((text) => /meanwhile (\d)/.exec(text)?.[1]).filter(Boolean);
    assert.deepEqual(texts, [...'0123456789'], 'each once, in order');
  },

  'a slow link delivers both ways, and takes its time': async (world) => {
    const { ann, bob } = await friends(world);
    // Each way so much later, and then no faster than an old modem.
    const eachWayMs = 300;
    await relay('link_slow', { ms: eachWayMs, bytes_per_s: 4_000 });
    try {
      const began = Date.now();
      await ann.write('slow but sure');
      await ann.page.locator('.bubble', { hasText: 'slow but sure' }).locator('.ticks[data-state=pending]').waitFor();
      await bob.sees('slow but sure');
      await ann.allSent();
      const tookMs = Date.now() - began;
      assert.ok(tookMs >= 2 * eachWayMs, `the link is slow, and the answer came after ${tookMs} ms`);
      // A text that takes seconds is no reason to think the link dead.
      const long = 'slow '.repeat(2_000);
      await bob.write(`${long} and long`);
      await ann.sees('and long');
      await bob.allSent();
      assert.equal(await ann.bubble('and long').count(), 1);
      await bob.write('same here');
      await ann.sees('same here');
    } finally {
      await relay('link_heal');
    }
  },

  'the shell and the last conversation paint without a network': async (world) => {
    const { ann, bob } = await friends(world);
    await bob.write('kept for later');
    await ann.sees('kept for later');
    await until('the worker', () => ann.page.evaluate(() => navigator.serviceWorker.ready.then((ready) => ready.active !== null)), true);
    await ann.page.reload();
    await ann.sees('kept for later');
    await ann.context.setOffline(true);
    await ann.page.reload();
    await ann.sees('kept for later');
    await ann.row('Bob Rivera').waitFor();
    await ann.context.setOffline(false);
  },
};
