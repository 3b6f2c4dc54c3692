import assert from 'node:assert/strict';
import { audit, sideways } from '../support/looks.mjs';
import { friends, Person, until } from '../support/person.mjs';

export const care = {
  'no screen has serious findings of axe, in both themes': async (world) => {
    for (const colorScheme of ['light', 'dark']) {
      const person = await Person.open(world, 'Before', { colorScheme });
      await person.page.goto(`${world.url}/signup`);
      await person.page.locator('.auth').waitFor();
      await audit(person.page, `sign-up, ${colorScheme}`);
      await person.shot(`sign-up-${colorScheme}`);
      const { ann } = await friends(world, { colorScheme });
      await audit(ann.page, `conversation, ${colorScheme}`);
      await ann.shot(`conversation-${colorScheme}`);
      await ann.page.locator('.conversation-title').click();
      await ann.page.locator('.side-panel').waitFor();
      await audit(ann.page, `details, ${colorScheme}`);
      await ann.page.keyboard.press('Control+k');
      await ann.page.locator('.switcher').waitFor();
      await audit(ann.page, `switcher, ${colorScheme}`);
      await ann.shot(`switcher-${colorScheme}`);
      for (const path of [
        'people',
        'settings/account',
        'settings/devices',
        'settings/look',
        'settings/keyboard',
        'settings/language',
        'settings/about',
      ]) {
        await ann.page.goto(`${world.url}/${path}`);
        await ann.page.locator('#main').waitFor();
        await audit(ann.page, `${path}, ${colorScheme}`);
      }
    }
  },

  'everything is reached by keyboard': async (world) => {
    const { ann, bob } = await friends(world);
    await bob.write('from Bob');
    await ann.sees('from Bob');
    const { page } = ann;
    await page.locator('#composer').focus();
    await page.keyboard.press('Shift+Tab');
    const focused = () => page.evaluate(() => document.activeElement?.className ?? '');
    for (let step = 0; step < 4 && (await focused()) !== 'message-row'; step += 1) await page.keyboard.press('Shift+Tab');
    assert.equal(await focused(), 'message-row', 'the list is one tab stop');
    const last = await page.evaluate(() => document.activeElement?.getAttribute('aria-label'));
    assert.match(last ?? '', /Bob Rivera.*from Bob/);
    await page.keyboard.press('ArrowUp');
    assert.match((await page.evaluate(() => document.activeElement?.getAttribute('aria-label'))) ?? '', /You.*Hello Bob/);
    // Into the actions of a message, from one to the next, and back.
    await page.keyboard.press('Enter');
    const action = () => page.evaluate(() => document.activeElement?.getAttribute('aria-label'));
    assert.equal(await action(), 'React');
    await page.keyboard.press('ArrowRight');
    assert.equal(await action(), 'Reply');
    await page.keyboard.press('ArrowLeft');
    assert.equal(await action(), 'React');
    await page.keyboard.press('Escape');
    assert.equal(await focused(), 'message-row', 'Esc goes back to the message');
    await page.keyboard.press('Control+k');
    await page.locator('.switcher input').waitFor();
    await page.keyboard.press('Escape');
    await page.locator('.switcher').waitFor({ state: 'detached' });
    await until('the focus comes back', focused, 'message-row');
    await page.keyboard.press('?');
    await page.locator('.keys').waitFor();
    await ann.shot('keyboard');
  },

  'on a phone a tap shows what can be done with a message': async (world) => {
    const { ann, bob } = await friends(world, { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
    const row = ann.page.locator('.message-row', { has: ann.bubble('Hello Bob') }).first();
    assert.equal(await row.locator('.message-tools').isVisible(), false);
    await ann.bubble('Hello Bob').tap();
    const small = await row
      .locator('.message-tools button')
      .evaluateAll((all) => all.filter((button) => button.offsetWidth < 44 || button.offsetHeight < 44).map((button) => button.ariaLabel));
    assert.deepEqual(small, [], 'large enough for a finger');
    await ann.shot('phone-tools');
    await row.getByRole('button', { name: 'Reply', exact: true }).tap();
    await ann.page.locator('.compose-bar', { hasText: 'Hello Bob' }).waitFor();
    await ann.write('tapped');
    await bob.page.locator('.quote', { hasText: 'Hello Bob' }).waitFor();
    assert.equal(await row.locator('.message-tools').isVisible(), false, 'nothing stays behind');
  },

  'nothing scrolls sideways from 320 to 1920 pixels': async (world) => {
    const { ann } = await friends(world);
    for (const width of [320, 390, 720, 1100, 1920]) {
      await ann.page.setViewportSize({ width, height: 720 });
      assert.ok((await sideways(ann.page)) <= 0, `conversation at ${width}`);
      if (width === 320) {
        await ann.shot('conversation-320');
        await ann.page.getByRole('button', { name: 'Emoji', exact: true }).click();
        await ann.page.locator('.emoji:visible').first().waitFor();
        const cut = await ann.page.locator('.emoji-viewport').evaluate((box) => {
          const { right } = box.getBoundingClientRect();
          const shown = [...box.querySelectorAll('.emoji')].filter((emoji) => emoji.checkVisibility({ visibilityProperty: true }));
          return shown.filter((emoji) => emoji.getBoundingClientRect().right > right).length;
        });
        await ann.shot('emoji-320');
        assert.equal(cut, 0, 'no emoji is cut off');
        await ann.page.keyboard.press('Escape');
      }
      if (width === 390) await ann.shot('phone-conversation');
    }
    await ann.page.setViewportSize({ width: 320, height: 640 });
    for (const path of ['', 'people', 'settings', 'settings/keyboard', 'settings/devices', 'settings/look']) {
      await ann.page.goto(`${world.url}/${path}`);
      await ann.page.locator('.settings-page:visible, .list-pane:visible').first().waitFor();
      assert.ok((await sideways(ann.page)) <= 0, `${path} at 320`);
    }
  },

  'Arabic mirrors the screen': async (world) => {
    const { ann, bob } = await friends(world, { locale: 'ar' });
    assert.equal(await ann.page.evaluate(() => document.documentElement.dir), 'rtl');
    await bob.write('صباح الخير، هل نلتقي عند الميناء؟');
    await ann.sees('صباح الخير');
    const [rail, list] = await Promise.all(['.rail', '.list-pane'].map((part) => ann.page.locator(part).boundingBox()));
    assert.ok((rail?.x ?? 0) > (list?.x ?? 0), 'the rail is at the right');
    assert.ok((await sideways(ann.page)) <= 0);
    await ann.shot('right-to-left');
  },
};
