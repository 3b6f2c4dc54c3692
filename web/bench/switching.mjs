import { quantile, tell } from './figures.mjs';

const ROUNDS = 5;

/** Clicks a row; the time until the conversation's newest messages have been painted. */
async function switchTo(page, title) {
  return page.evaluate(async (wanted) => {
    const row = [...document.querySelectorAll('.list-pane .row')].find((one) => one.textContent.includes(wanted));
    const began = performance.now();
    row.click();
    const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
    const isThere = () =>
      document.querySelector('.conversation-header h1')?.textContent === wanted &&
      document.querySelector('.message-scroller .bubble') !== null;
    while (!isThere()) await frame();
    // It is painted when the next frame begins.
    await frame();
    return performance.now() - began;
  }, title);
}

/** Between ten groups: for the first time, when the server is asked, and again, from the store. */
export async function switching(page) {
  const titles = Array.from({ length: 10 }, (_, n) => `Group ${n}`);
  const [first, again] = [[], []];
  for (let round = 0; round <= ROUNDS; round += 1) {
    for (const title of titles) {
      (round === 0 ? first : again).push(await switchTo(page, title));
      await page.waitForTimeout(150);
    }
  }
  tell('switch_first_p50_ms', quantile(first, 0.5), null, { longest: Math.round(Math.max(...first)) });
  tell('switch_p50_ms', quantile(again, 0.5), 100);
  tell('switch_p95_ms', quantile(again, 0.95), 100, { longest: Math.round(Math.max(...again)) });
}
