import { quantile, tell } from './figures.mjs';

const MESSAGES = 100;
const PACE_MS = 100;

/** From Enter in one browser until the bubble has been painted in the other. Both run here, so that their clocks are one. */
export async function messages(ann, bob, stack) {
  for (const page of [ann, bob]) {
    await page.goto(`${stack.url}/c/${stack.large}`);
    await page.locator('#composer').waitFor();
    await page.locator('.bubble').first().waitFor();
  }
  await ann.evaluate(() => {
    window.bench.sent = {};
    const note = (event) => {
      if (event.key === 'Enter') window.bench.sent[event.target.value] = performance.timeOrigin + performance.now();
    };
    document.addEventListener('keydown', note, { capture: true });
  });
  await bob.evaluate(() => {
    window.bench.shown = {};
    new MutationObserver((changes) => {
      for (const node of changes.flatMap((change) => [...change.addedNodes])) {
        const probe = /probe \d+ end/.exec(node.textContent ?? '')?.[0];
        if (probe === undefined || window.bench.shown[probe] !== undefined) continue;
        window.bench.shown[probe] = null;
        requestAnimationFrame(() => requestAnimationFrame(() => (window.bench.shown[probe] = performance.timeOrigin + performance.now())));
      }
    }).observe(document.querySelector('.message-scroller'), { childList: true, subtree: true });
  });
  for (let n = 0; n < MESSAGES; n += 1) {
    const probe = `probe ${n} end`;
    await ann.locator('#composer').fill(probe);
    await ann.locator('#composer').press('Enter');
    await bob.waitForFunction((wanted) => window.bench.shown[wanted] > 0, probe);
    await ann.waitForTimeout(PACE_MS);
  }
  const [sent, shown] = await Promise.all([ann.evaluate(() => window.bench.sent), bob.evaluate(() => window.bench.shown)]);
  const all = Object.keys(sent).map((probe) => shown[probe] - sent[probe]);
  tell('to_other_browser_p50_ms', quantile(all, 0.5));
  tell('to_other_browser_p95_ms', quantile(all, 0.95), 100, { longest: Math.round(Math.max(...all)), messages: all.length });
  tell('to_other_browser_p99_ms', quantile(all, 0.99));
}
