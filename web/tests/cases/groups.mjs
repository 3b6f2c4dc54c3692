import { friends, Person } from '../support/person.mjs';

export async function newGroup(person, title, handles) {
  const { page } = person;
  await page.locator('.list-head .icon-button').click();
  await page.locator('.person-pick').first().click();
  await page.getByLabel('Group name').fill(title);
  for (const handle of handles) {
    await page.locator('.dialog input').nth(1).fill(handle);
    await page.locator('.person-pick', { hasText: `@${handle}` }).click();
  }
  await page.locator('.dialog-actions .button[data-kind=primary]').click();
  await page.locator('.conversation-header', { hasText: title }).waitFor();
}

export const groups = {
  'a group is made, renamed, given roles and left': async (world) => {
    const { ann, bob } = await friends(world);
    await newGroup(ann, 'Harbour walk', [bob.handle]);
    await bob.open('Harbour walk');
    await bob.write('In the group');
    await ann.sees('In the group');
    await ann.page.locator('.conversation-title').click();
    await ann.page.getByRole('button', { name: 'Rename group' }).click();
    await ann.page.getByLabel('Group name').fill('Evening walk');
    await ann.page.locator('.dialog-actions .button[data-kind=primary]').click();
    await bob.row('Evening walk').waitFor();
    await ann.page.getByRole('button', { name: 'Actions for Bob Rivera' }).click();
    await ann.page.getByRole('menuitem', { name: 'Make admin' }).click();
    await ann.page.locator('.member-role', { hasText: 'Admin' }).waitFor();
    await bob.page.locator('.change-line', { hasText: 'made you an admin' }).waitFor();
    await ann.shot('group');
    await bob.page.locator('.conversation-title').click();
    await bob.page.getByRole('button', { name: 'Leave group' }).click();
    await bob.page.locator('[role=alertdialog] .button[data-kind=danger]').click();
    await bob.row('Evening walk').waitFor({ state: 'detached' });
    await ann.page.locator('.change-line', { hasText: 'left' }).waitFor();
  },

  'an invitation is accepted by one and declined by another': async (world) => {
    const [ann, bob, cleo] = await Promise.all(['Ann Verhoeven', 'Bob Rivera', 'Cleo Haddad'].map((name) => Person.open(world, name)));
    await Promise.all([ann.signUp(), bob.signUp(), cleo.signUp()]);
    await newGroup(ann, 'Strangers', [bob.handle, cleo.handle]);
    for (const { page } of [bob, cleo]) await page.locator('.invitation', { hasText: 'Strangers' }).waitFor();
    await bob.page.locator('.invitation .button[data-kind=primary]').click();
    await bob.page.locator('.conversation-header', { hasText: 'Strangers' }).waitFor();
    await cleo.page.locator('.invitation .button[data-kind=plain]').click();
    await cleo.page.locator('.invitation').waitFor({ state: 'detached' });
    await ann.write('Welcome Bob');
    await bob.sees('Welcome Bob');
  },
};
