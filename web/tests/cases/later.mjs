import assert from 'node:assert/strict';
import { friends, PASSWORD, Person, until } from '../support/person.mjs';

const bar = (person) => person.page.locator('.scheduled-bar');

export const later = {
  'a message is scheduled, shows on both devices, is changed on one and sent once': async (world) => {
    const { ann, bob } = await friends(world);
    const phone = await Person.open(world, 'Ann Chen', { viewport: { width: 390, height: 844 }, hasTouch: true });
    await phone.logIn(ann.handle, PASSWORD);
    await phone.open('Bob Rivera');

    await ann.page.locator('#composer').fill('see you at the harbour');
    await ann.page.getByRole('button', { name: 'Send later' }).click();
    const dialog = ann.page.getByRole('dialog', { name: 'Send later' });
    await dialog.getByRole('button', { name: 'Tomorrow morning' }).click();
    await ann.shot('send-later');
    await dialog.getByRole('button', { name: 'Schedule', exact: true }).click();
    await dialog.waitFor({ state: 'detached' });
    await until('an empty composer', () => ann.page.locator('#composer').inputValue(), '');
    for (const device of [ann, phone]) await bar(device).filter({ hasText: 'One message to be sent later' }).waitFor();
    assert.equal(await bob.page.locator('.scheduled-bar').count(), 0);

    // The other device changes its mind: another time, and then at once.
    await bar(phone).click();
    const list = phone.page.getByRole('dialog', { name: 'To be sent later' });
    await list.getByText('see you at the harbour').waitFor();
    await phone.shot('scheduled-list-small');
    await list.getByRole('button', { name: 'Change the time' }).click();
    const change = phone.page.getByRole('dialog', { name: 'Change the time' });
    await change.getByRole('button', { name: 'In one hour' }).click();
    await change.getByRole('button', { name: 'Save' }).click();
    await change.waitFor({ state: 'detached' });
    await bar(phone).click();
    await list.getByRole('button', { name: 'Send now' }).click();
    await bob.sees('see you at the harbour');
    for (const device of [ann, phone]) await bar(device).waitFor({ state: 'detached' });
    await phone.page.keyboard.press('Escape');
    assert.equal(await bob.bubble('see you at the harbour').count(), 1);

    // What is cancelled is never sent.
    await ann.page.locator('#composer').fill('never mind');
    await ann.page.getByRole('button', { name: 'Send later' }).click();
    await dialog.getByRole('button', { name: 'Schedule', exact: true }).click();
    await bar(ann).click();
    await ann.page.getByRole('dialog', { name: 'To be sent later' }).getByRole('button', { name: 'Do not send' }).click();
    for (const device of [ann, phone]) await bar(device).waitFor({ state: 'detached' });
  },
};
