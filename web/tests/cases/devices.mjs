import assert from 'node:assert/strict';
import { friends, PASSWORD, Person, until } from '../support/person.mjs';

export const devices = {
  'a device is logged out from another one, and forgets': async (world) => {
    const { ann } = await friends(world);
    const phone = await Person.open(world, 'Ann on the phone', { viewport: { width: 390, height: 844 }, hasTouch: true });
    await phone.logIn(ann.handle);
    await phone.row('Bob Rivera').waitFor();
    await phone.shot('phone-list');
    await ann.page.goto(`${world.url}/settings/devices`);
    await ann.page.locator('.box-row .button').first().waitFor();
    await ann.shot('devices');
    await ann.page.locator('.box-row .button').first().click();
    await phone.page.locator('.auth').waitFor();
    await phone.page.goto(world.url);
    await phone.page.locator('.auth').waitFor();
  },

  'a changed password ends the other devices': async (world) => {
    const { ann } = await friends(world);
    const other = await Person.open(world, 'Ann elsewhere');
    await other.logIn(ann.handle);
    await ann.page.goto(`${world.url}/settings/account`);
    await ann.page.locator('input[autocomplete="current-password"]').fill(PASSWORD);
    await ann.page.locator('input[autocomplete="new-password"]').fill('another walk at dusk');
    const form = ann.page.locator('.settings-form', { has: ann.page.locator('input[autocomplete="new-password"]') });
    await form.locator('button[type=submit]').click();
    await other.page.locator('.auth').waitFor();
    await other.logIn(ann.handle, 'another walk at dusk');
  },

  'a changed name shows on the other device at once, and to a friend who comes back': async (world) => {
    const { ann, bob } = await friends(world);
    const phone = await Person.open(world, 'Ann on the phone', { viewport: { width: 390, height: 844 }, hasTouch: true });
    await phone.logIn(ann.handle);
    await phone.page.goto(`${world.url}/settings/account`);
    const shown = phone.page.locator('.account-box strong');
    await until('the name on the phone', () => shown.textContent(), 'Ann Verhoeven');
    await ann.page.goto(`${world.url}/settings/account`);
    const form = ann.page.locator('.settings-form', { has: ann.page.locator('input[autocomplete=name]') });
    await form.locator('input').fill('Ann Bakker');
    await form.locator('button[type=submit]').click();
    await until('the name on the phone', () => shown.textContent(), 'Ann Bakker');
    assert.equal(await phone.page.locator('input[autocomplete=name]').inputValue(), 'Ann Bakker');
    await bob.page.reload();
    await bob.row('Ann Bakker').waitFor();
    await bob.page.locator('.conversation-header', { hasText: 'Ann Bakker' }).waitFor();
    assert.equal(await bob.row('Ann Verhoeven').count(), 0);
  },

  'what is written on one device is in the field of the other, and gone there when it is sent': async (world) => {
    const { ann, bob } = await friends(world);
    const phone = await Person.open(world, 'Ann on the phone', { viewport: { width: 390, height: 844 }, hasTouch: true });
    await phone.logIn(ann.handle);
    await phone.row('Bob Rivera').waitFor();
    await ann.page.locator('#composer').fill('Shall we say at');
    await until(
      'the beginning in the list',
      () => phone.row('Bob Rivera').textContent(),
      (seen) => seen.includes('Shall we say at'),
    );
    await phone.open('Bob Rivera');
    const [here, there] = [ann, phone].map((device) => device.page.locator('#composer'));
    await until('the beginning on the phone', () => there.inputValue(), 'Shall we say at');
    await there.fill('Shall we say at noon?');
    await until('the end on the desktop', () => here.inputValue(), 'Shall we say at noon?');
    // While one is away, the other sends it; nothing of it comes back.
    await phone.context.setOffline(true);
    await here.press('Enter');
    await bob.sees('Shall we say at noon?');
    await phone.context.setOffline(false);
    await phone.sees('Shall we say at noon?');
    await until('an empty field on the phone', () => there.inputValue(), '');
    await phone.page.reload();
    await phone.sees('Shall we say at noon?');
    assert.equal(await phone.page.locator('#composer').inputValue(), '');
  },

  'logging out forgets everything in every tab': async (world) => {
    const { ann } = await friends(world);
    const second = await ann.tab();
    await second.goto(world.url);
    await second.locator('.row').first().waitFor();
    await ann.page.goto(`${world.url}/settings/account`);
    await ann.page.locator('.account-box .button').click();
    await ann.page.locator('[role=alertdialog] .button[data-kind=danger]').click();
    await Promise.all([ann.page.locator('.auth').waitFor(), second.locator('.auth').waitFor()]);
  },
};
