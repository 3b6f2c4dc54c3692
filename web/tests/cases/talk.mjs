import assert from 'node:assert/strict';
import { distanceFromEnd, firstShown, friends, Person, until } from '../support/person.mjs';

export const talk = {
  'two people sign up and talk in both directions': async (world) => {
    const { ann, bob } = await friends(world);
    await bob.write('Hi Ann');
    await ann.sees('Hi Ann');
    for (let line = 0; line < 20; line += 1) await (line % 2 ? ann : bob).write(`line ${line}`);
    await Promise.all([ann.sees('line 19'), bob.sees('line 19')]);
    for (const person of [ann, bob]) {
      await person.allSent();
      const texts = await person.page.locator('.bubble').allInnerTexts();
      const lines = texts.map((text) => /line (\d+)/.exec(text)?.[1]).filter(Boolean);
      assert.deepEqual(lines, [...new Set(lines)], 'no line twice');
    }
    await ann.shot('direct');
  },

  'the end stays in view while messages come and go': async (world) => {
    const { ann, bob } = await friends(world);
    for (let line = 0; line < 30; line += 1) await bob.write(`a line of some length, number ${line}`);
    await ann.sees('number 29');
    await until(
      'distance from the end',
      () => distanceFromEnd(ann),
      (px) => px < 4,
    );
    await ann.page.locator('.message-scroller').evaluate((box) => box.scrollTo(0, box.scrollTop - 500));
    await ann.page.locator('.jump-button').waitFor();
    const before = await firstShown(ann);
    for (let line = 30; line < 40; line += 1) await bob.write(`number ${line}`);
    await bob.allSent();
    await ann.page.locator('.jump-button[data-new]').waitFor();
    assert.deepEqual(await firstShown(ann), before, 'what one reads does not move');
    await ann.page.locator('.jump-button[data-new]').click();
    await ann.sees('number 39');
  },

  'a request is declined and goes away': async (world) => {
    const [ann, bob] = await Promise.all([Person.open(world, 'Ann Verhoeven'), Person.open(world, 'Bob Rivera')]);
    await Promise.all([ann.signUp(), bob.signUp()]);
    await ann.find(bob.handle);
    await ann.write('Hello stranger');
    await bob.open('Ann Verhoeven');
    await bob.page.locator('.request-bar .button[data-kind=plain]').click();
    await bob.row('Ann Verhoeven').waitFor({ state: 'detached' });
  },

  'two tabs of one account have one socket': async (world) => {
    const { ann, bob } = await friends(world);
    const second = await ann.tab();
    await second.goto(ann.page.url());
    await second.locator('.bubble', { hasText: 'Hello Bob' }).waitFor();
    await bob.write('to both tabs');
    await Promise.all([ann.sees('to both tabs'), second.locator('.bubble', { hasText: 'to both tabs' }).waitFor()]);
    await until('open sockets', () => ann.openSockets(), 1);
    await ann.page.close();
    await bob.write('to the one that is left');
    await second.locator('.bubble', { hasText: 'to the one that is left' }).waitFor();
    await until('open sockets', () => ann.openSockets(), 1);
  },

  'a draft is kept over a reload and shows in the list': async (world) => {
    const { ann } = await friends(world);
    await ann.page.locator('#composer').fill('half a thought');
    await ann.page.locator('.row-draft').waitFor();
    const second = await ann.tab();
    await second.goto(ann.page.url());
    const draftIn = async (page) => {
      await page.reload();
      return page.locator('#composer').inputValue();
    };
    await until('the draft in another tab', () => draftIn(second), 'half a thought');
    await second.close();
    await until('the draft after a reload', () => draftIn(ann.page), 'half a thought');
  },

  'a text that is too long says so, is not sent and not lost, and half a character holds up nothing': async (world) => {
    const { ann, bob } = await friends(world);
    const field = ann.page.locator('#composer');
    const send = ann.page.locator('.send-button');
    const count = ann.page.locator('.composer-count');
    await field.fill('ä'.repeat(8_192));
    assert.equal(await count.textContent(), '0');
    await field.fill('ä'.repeat(8_193));
    const note = ann.page.locator('.composer-note');
    await until('the note', () => note.textContent(), '2 bytes too long');
    assert.equal(await send.isDisabled(), true);
    await field.press('Enter');
    await until('the draft after a reload', () => reloaded(ann.page), 8_193);
    // More than is kept: it is said, and stays in the field.
    await field.fill('x'.repeat(70_000));
    await until(
      'the note',
      () => note.textContent(),
      (text) => text.includes('too long to be kept'),
    );
    await ann.shot('too-long');
    assert.equal((await field.inputValue()).length, 70_000);
    assert.equal(await bob.page.locator('.bubble').count(), 1, 'nothing of it was sent');
    await field.fill('y'.repeat(16_380));
    await until('the note', () => note.textContent(), '');
    await field.press('Enter');
    await bob.sees('yyyy');
    await field.evaluate((box) => {
      Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, 'value').set.call(box, `cut here ${String.fromCharCode(0xd83d)}`);
      box.dispatchEvent(new Event('input', { bubbles: true }));
    });
    await field.press('Enter');
    await ann.write('and what follows');
    await bob.sees('cut here');
    await bob.sees('and what follows');
    await ann.allSent();
  },

  'hostile texts and names show as typed': async (world) => {
    const [ann, bob] = await Promise.all([
      Person.open(world, '<img src=x onerror=alert(1)>'),
      Person.open(world, 'Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbau'),
    ]);
    await Promise.all([ann.signUp(), bob.signUp()]);
    await ann.find(bob.handle);
    const texts = [
      '<script>document.title="taken"</script>',
      '[click](javascript:alert(1))',
      `${'*a_**'.repeat(2_000)} end-of-marks`,
      '\u202egnp.exe \u2066 text',
      `${'x'.repeat(5_000)} end-of-word`,
      '👨‍👩‍👧‍👦👨‍👩‍👧‍👦👨‍👩‍👧‍👦',
    ];
    for (const text of texts) await ann.write(text);
    await ann.allSent();
    await bob.page.locator('.row').first().click();
    await bob.sees('<script>document.title="taken"</script>');
    assert.equal(await bob.page.locator('.bubble a').count(), 0, 'no address of a script is a link');
    assert.notEqual(await bob.page.title(), 'taken');
    const wide = await bob.page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
    assert.equal(wide, false, 'the page does not scroll sideways');
    // A name without a space makes no dialog wider than a small phone.
    await ann.page.setViewportSize({ width: 320, height: 640 });
    await ann.page.goto(world.url);
    await ann.page.locator('.list-head .icon-button').click();
    await ann.page.locator('.person-pick').first().click();
    await ann.page.locator('.dialog input').nth(1).fill(bob.handle);
    await ann.page.locator('.person-pick', { hasText: `@${bob.handle}` }).click();
    await ann.page.locator('.picked-person').waitFor();
    await ann.shot('dialog-320');
    const { x, width } = await ann.page.locator('.dialog-frame').boundingBox();
    assert.ok(x >= 0 && x + width <= 320, `the dialog reaches from ${x} to ${x + width}`);
    const overflow = await ann.page.locator('.dialog-body').evaluate((body) => body.scrollWidth - body.clientWidth);
    assert.ok(overflow <= 0, `it is cut by ${overflow} pixels`);
  },
};

/** How long the text in the field is after a reload. */
async function reloaded(page) {
  await page.reload();
  return (await page.locator('#composer').inputValue()).length;
}
