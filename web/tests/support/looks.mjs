import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Fails on serious and critical findings of axe, but for the rules in `without`. */
export async function audit(page, what, without = []) {
  await page.evaluate(AXE);
  const found = await page.evaluate(async (off) => {
    const rules = Object.fromEntries(off.map((rule) => [rule, { enabled: false }]));
    const { violations } = await globalThis.axe.run(document, { resultTypes: ['violations'], rules });
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.target.join(' ')} ${node.failureSummary ?? ''}`).join(' | ')}`);
  }, without);
  assert.deepEqual(found, [], what);
}

/** Fails where what is drawn of a thing is not in clearly different colours, whatever the styles say. */
export async function drawnReadably(world, thing, what) {
  const picture = `data:image/png;base64,${(await thing.screenshot()).toString('base64')}`;
  // In a page without a policy: a canvas there may read pictures.
  const page = await world.browser.newPage();
  const range = await page.evaluate(async (source) => {
    const image = Object.assign(new Image(), { src: source });
    await image.decode();
    const canvas = new OffscreenCanvas(image.width, image.height).getContext('2d');
    canvas.drawImage(image, 0, 0);
    const { data } = canvas.getImageData(0, 0, image.width, image.height);
    const light = Array.from(
      { length: data.length / 4 },
      (_, n) => 0.2126 * data[4 * n] + 0.7152 * data[4 * n + 1] + 0.0722 * data[4 * n + 2],
    );
    return light.reduce((most, value) => Math.max(most, value), 0) - light.reduce((least, value) => Math.min(least, value), 255);
  }, picture);
  await page.close();
  assert.ok(range > 150, `${what}: light and dark are ${Math.round(range)} of 255 apart`);
}

/** Pixels by which the page scrolls sideways. */
export function sideways(page) {
  return page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
}

/** Fails where text is cut off and nothing says so, or lies outside of the page. */
export async function nothingClipped(page, what) {
  assert.ok((await sideways(page)) <= 0, `${what}: the page scrolls sideways`);
  assert.deepEqual(await page.evaluate(clippedTexts), [], what);
}

/** Texts that somebody who looks cannot read to their end. Runs in the page. */
function clippedTexts() {
  const SLACK_PX = 2;
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const owner = node.parentElement;
    if (!node.data.trim() || !owner.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const rects = [...range.getClientRects()].filter(({ width, height }) => width > 0 && height > 0);
    const text = node.data.trim().slice(0, 40);
    const cut = (box, sides) =>
      rects.some(
        (rect) =>
          (sides.x && (rect.left < box.left - SLACK_PX || rect.right > box.right + SLACK_PX)) ||
          (sides.y && (rect.top < box.top - SLACK_PX || rect.bottom > box.bottom + SLACK_PX)),
      );
    const sides = { x: true, y: true };
    for (let box = owner; box && box !== document.documentElement; box = box.parentElement) {
      const style = getComputedStyle(box);
      const at = box.getBoundingClientRect();
      // For readers of the screen only.
      if (at.width <= 1 && at.height <= 1) sides.x = sides.y = false;
      // What scrolls can be read; an ellipsis and a counted number of lines say that there is more.
      if (/auto|scroll/.test(style.overflowX)) sides.x = false;
      if (/auto|scroll/.test(style.overflowY)) sides.y = false;
      if (style.textOverflow === 'ellipsis') sides.x = false;
      if (style.webkitLineClamp !== 'none' || box.classList.contains('fold')) sides.y = false;
      const clips = { x: sides.x && /hidden|clip/.test(style.overflowX), y: sides.y && /hidden|clip/.test(style.overflowY) };
      if ((clips.x || clips.y) && cut(at, clips)) {
        found.push(`"${text}" in .${owner.className} is cut by .${box.className}`);
        break;
      }
      if (style.position === 'fixed') break;
    }
    if (sides.x && cut({ left: 0, right: document.documentElement.clientWidth, top: 0, bottom: 0 }, { x: true, y: false }))
      found.push(`"${text}" in .${owner.className} lies outside of the page`);
  }
  return found;
}
