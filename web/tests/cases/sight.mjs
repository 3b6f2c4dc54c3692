import { audit, drawnReadably, nothingClipped } from '../support/looks.mjs';
import { friends, Person, until } from '../support/person.mjs';

/** What 1280 by 800 shows at a zoom of 200 %: half of each, and every pixel drawn as four. */
const ZOOMED = { viewport: { width: 640, height: 400 }, deviceScaleFactor: 2 };

/** axe reads colours of the style sheets, which are not the ones that are drawn. */
const FORCED = ['color-contrast'];

const PAGES = [
  'people',
  'settings/account',
  'settings/devices',
  'settings/look',
  'settings/keyboard',
  'settings/language',
  'settings/about',
];

/** Shows one screen after the other, and lets `look` see each. */
async function tour(world, person, look) {
  const { page } = person;
  await look('conversation');
  await page.locator('.conversation-title').click();
  await page.locator('.side-panel').waitFor();
  await look('details');
  await page.keyboard.press('Escape');
  await page.locator('.conversation-header').getByRole('button', { name: 'Jump to a date' }).click();
  await page.locator('.calendar').waitFor();
  await look('calendar');
  await page.keyboard.press('Escape');
  await page.locator('.calendar').waitFor({ state: 'detached' });
  await page.keyboard.press('Control+k');
  await page.locator('.switcher').waitFor();
  await look('switcher');
  await page.keyboard.press('Escape');
  await page.locator('.switcher').waitFor({ state: 'detached' });
  for (const path of PAGES) {
    await page.goto(`${world.url}/${path}`);
    await page.locator('.settings-page:visible, .list-pane:visible, #main:visible').first().waitFor();
    await look(path);
  }
  await page.goto(world.url);
  await page.locator('.row').first().waitFor();
  await look('list');
}

export const sight = {
  'forced colours leave every screen readable': async (world) => {
    for (const colorScheme of ['light', 'dark']) {
      const stranger = await Person.open(world, 'Before', { forcedColors: 'active', colorScheme });
      await stranger.page.goto(`${world.url}/signup`);
      await stranger.page.locator('.auth').waitFor();
      await audit(stranger.page, `sign-up, ${colorScheme}`, FORCED);
      await drawnReadably(world, stranger.page.locator('button[type=submit]'), 'the button to sign up');
      const { ann, bob } = await friends(world, { forcedColors: 'active', colorScheme });
      await bob.write('Can you read this? **Bold** and `code` and https://example.org/a');
      await ann.sees('Can you read this?');
      await ann.shot(`forced-colours-${colorScheme}`);
      for (const part of ['.bubble >> nth=0', '.bubble >> nth=-1', '.row', '.chip >> nth=0', '.composer', '.rail-item >> nth=0'])
        await drawnReadably(world, ann.page.locator(part), `${part}, ${colorScheme}`);
      if (colorScheme === 'light') await tour(world, ann, (what) => audit(ann.page, `${what}, forced colours`, FORCED));
    }
  },

  'nothing is cut off at 200 % zoom': async (world) => {
    const stranger = await Person.open(world, 'Before', ZOOMED);
    for (const path of ['signup', 'login']) {
      await stranger.page.goto(`${world.url}/${path}`);
      await stranger.page.locator('.auth').waitFor();
      await nothingClipped(stranger.page, `${path} at 200 %`);
    }
    const { ann, bob } = await friends(world, ZOOMED);
    await bob.write('A line that is long enough to need more than one row where the letters are twice as large as usual');
    await ann.sees('A line that is long enough');
    await ann.shot('zoom-200');
    await tour(world, ann, async (what) => {
      await nothingClipped(ann.page, `${what} at 200 %`);
      await audit(ann.page, `${what} at 200 %`);
    });
  },

  'nothing is cut off where text alone is twice as large': async (world) => {
    const { ann, bob } = await friends(world);
    const { page } = ann;
    await page.setViewportSize({ width: 1000, height: 800 });
    await page.goto(`${world.url}/settings/look`);
    const panes = () => page.locator('.settings-page:visible, .list-pane:visible').count();
    await until('panes', panes, 2);
    await page.getByText('150 %', { exact: true }).click();
    await until('panes', panes, 1);
    await page.setViewportSize({ width: 1280, height: 800 });
    // Larger than one can choose, as where the browser's own letters are large already.
    await page.evaluate(() => {
      const look = JSON.parse(localStorage.getItem('relayhub.look'));
      localStorage.setItem('relayhub.look', JSON.stringify({ ...look, textSize: 200 }));
    });
    await bob.write('A line that is long enough to need more than one row where the letters are twice as large as usual');
    await page.goto(world.url);
    await ann.open('Bob Rivera');
    await ann.sees('A line that is long enough');
    await ann.shot('text-200');
    await tour(world, ann, (what) => nothingClipped(page, `${what} with text of 200 %`));
  },
};
