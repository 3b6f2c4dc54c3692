import { Account } from '../support/api.mjs';
import { Person } from '../support/person.mjs';
import { relay } from '../support/relay.mjs';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const DESK = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844 };

/** Puts messages into a conversation, each with its time. */
async function told(conversation, lines) {
  for (const [author, ago, text] of lines)
    await relay('load', { conversation, authors: [author.id], count: 1, from_ms: Date.now() - ago, every_ms: 0, text, wait: false });
}

/** Friends with something to say. */
async function cast(world) {
  const [mara, anouk, tomas, ines, kofi, liv] = await Promise.all(
    Object.entries({
      mara: 'Mara Lindqvist',
      anouk: 'Anouk Verhoeven',
      tomas: 'Tomás Rivera',
      ines: 'Ines Bauer',
      kofi: 'Kofi Mensah',
      liv: 'Liv Sandberg',
    }).map(([handle, name]) => Account.register(world, name, handle)),
  );
  const direct = {};
  for (const friend of [anouk, tomas, ines, kofi, liv]) direct[friend.handle] = await friend.befriend(mara);
  const group = async (title, others) =>
    (await mara.ask('POST', 'conversations', { kind: 'group', title, member_ids: others.map(({ id }) => id) })).conversation_id;
  const kitchen = await group('Kitchen rebuild', [ines, tomas]);
  const walk = await group('Harbour walk', [anouk, tomas, ines, kofi, liv]);
  await told(direct.liv, [[liv, 4 * DAY_MS, 'Thank you for the plants, they look happy']]);
  await told(direct.tomas, [[tomas, 2 * DAY_MS, 'The boat is called *Grete*, of course']]);
  await told(direct.ines, [
    [ines, DAY_MS, 'Thursday at six?'],
    [mara, DAY_MS - 9 * MINUTE_MS, 'See you on Thursday then'],
  ]);
  await told(direct.kofi, [[kofi, 131 * MINUTE_MS, 'Who brings the tent?']]);
  await told(kitchen, [
    [tomas, DAY_MS + 30 * MINUTE_MS, 'The old tiles are out'],
    [ines, 44 * MINUTE_MS, 'The oak arrives on Monday'],
    [ines, 43 * MINUTE_MS, '@mara can you confirm the height? 91 cm'],
  ]);
  await told(direct.anouk, [
    [anouk, 23 * MINUTE_MS, 'Are you bringing the big camera on Saturday?'],
    [mara, 21 * MINUTE_MS, 'Yes! And the long lens, there were seals last time 🦭'],
    [anouk, 12 * MINUTE_MS, 'Ferry is at 07:10 sharp'],
    [anouk, 11 * MINUTE_MS, 'Set **three** alarms'],
  ]);
  await told(walk, [
    [anouk, 52 * MINUTE_MS, 'Morning all. Forecast for Saturday: 12°, wind from the west, no rain until four.'],
    [anouk, 52 * MINUTE_MS, 'I drew the route, about nine kilometres with one ferry ⛴️'],
    [mara, 46 * MINUTE_MS, 'Looks great. Does the early ferry still run at `07:10`?'],
    [tomas, 15 * MINUTE_MS, 'It does: https://harbourlines.example/times'],
    [tomas, 14 * MINUTE_MS, '@mara can you take the small stove? Mine is at my brother’s'],
    [tomas, 14 * MINUTE_MS, 'The tide table says 06:40, so we have plenty of time on the sand'],
    [mara, 12 * MINUTE_MS, 'Stove is packed. Also two thermos flasks and the good biscuits'],
    [liv, 6 * MINUTE_MS, '🎒🥾'],
    [ines, 4 * MINUTE_MS, 'I have a spare rain jacket in M if somebody needs one'],
  ]);
  return { mara, anouk, direct };
}

/** Only where pictures are asked for: what the README shows. */
export const pictures = {
  'the main screens, as the README shows them': async (world) => {
    const newcomer = await Person.open(world, 'Mara', { viewport: DESK });
    await newcomer.page.goto(`${world.url}/signup`);
    await newcomer.page.locator('input[autocomplete=name]').fill('Mara Lindqvist');
    await newcomer.page.locator('input[autocomplete=username]').fill('mara');
    await newcomer.shot('sign-up');
    const fresh = await Person.open(world, 'Jonas Adeyemi', { viewport: DESK });
    await fresh.signUp();
    await fresh.shot('first-run');

    const { mara, anouk, direct } = await cast(world);
    const open = async (options) => {
      const person = await Person.open(world, mara.name, options);
      await person.logIn(mara.handle);
      await person.open('Harbour walk');
      await person.sees('spare rain jacket');
      return person;
    };
    const light = await open({ viewport: DESK });
    await light.page.locator('.row', { hasText: 'Kofi' }).click();
    await light.page.locator('#composer').fill('I will bring the tent and');
    await light.open('Harbour walk');
    await light.page.locator('.row-draft').waitFor();
    await light.shot('main-light');
    await light.page.locator('.conversation-title').click();
    await light.page.locator('.member').first().waitFor();
    await light.shot('group');
    await light.page.keyboard.press('Escape');
    await light.page.keyboard.press('Control+k');
    await light.page.locator('.switcher input').fill('ha');
    await light.shot('switcher');
    await light.page.keyboard.press('Escape');
    await light.page.goto(`${world.url}/settings/devices`);
    await light.page.locator('.box-row').nth(1).waitFor();
    await light.shot('settings');

    const dark = await open({ viewport: DESK, colorScheme: 'dark' });
    await dark.shot('main-dark');
    await relay('link_cut');
    try {
      await dark.write('Can I still write here?');
      await dark.page.locator('.strip[data-shown]').waitFor();
      await dark.shot('offline');
    } finally {
      await relay('link_heal');
    }
    await dark.allSent();

    for (const [viewport, name] of [
      [PHONE, '390'],
      [{ width: 320, height: 640 }, '320'],
    ]) {
      const phone = await Person.open(world, mara.name, { viewport, hasTouch: true, isMobile: true, deviceScaleFactor: 1 });
      await phone.logIn(mara.handle);
      await phone.row('Anouk Verhoeven').waitFor();
      await phone.shot(`phone-${name}-list`);
      await phone.page.goto(`${world.url}/c/${direct[anouk.handle]}`);
      await phone.sees('three');
      await phone.shot(`phone-${name}-chat`);
    }

    const rtl = await open({ viewport: DESK, locale: 'ar' });
    await anouk.ask('POST', 'messages', {
      client_id: `p${Date.now()}`,
      conversation_id: rtl.conversationId(),
      body: { type: 'text', text: 'صباح الخير، هل نلتقي عند الميناء في 06:40؟' },
    });
    await rtl.sees('صباح الخير');
    await rtl.write('نعم، عند العبّارة 🎒');
    await rtl.allSent();
    await rtl.shot('right-to-left');
  },
};
