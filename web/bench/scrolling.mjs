import { tell } from './figures.mjs';

const SECONDS = 15;
const STEP_PX = 900;

/** Notes every frame until `stop`: its distance to the one before, and the browser's own list of long ones. */
function record() {
  const frames = [];
  const long = [];
  let last = performance.now();
  let on = true;
  const next = (now) => {
    frames.push(now - last);
    last = now;
    if (on) requestAnimationFrame(next);
  };
  requestAnimationFrame(next);
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const script = [...(entry.scripts ?? [])].sort((a, b) => b.duration - a.duration)[0];
      long.push({ ms: entry.duration, by: script ? `${script.invoker} ${Math.round(script.duration)} ms` : 'no script' });
    }
  });
  observer.observe({ type: 'long-animation-frame' });
  window.bench.stop = () => {
    on = false;
    observer.disconnect();
    return { frames, long };
  };
}

/** The number in the text of the first message on the screen. */
function firstShown() {
  const box = document.querySelector('.message-scroller');
  const top = box.getBoundingClientRect().top;
  const row = [...box.querySelectorAll('.bubble')].find((one) => one.getBoundingClientRect().bottom > top);
  return Number(/^\d+/.exec(row?.textContent ?? '')?.[0] ?? Number.NaN);
}

/** The wheel as fast as it goes. */
async function wheel(page, direction, seconds) {
  const before = await page.evaluate(firstShown);
  await page.evaluate(record);
  const end = performance.now() + seconds * 1000;
  while (performance.now() < end) await page.mouse.wheel(0, direction * STEP_PX);
  const { frames, long } = await page.evaluate(() => window.bench.stop());
  return { frames, long, messages: Math.abs((await page.evaluate(firstShown)) - before) };
}

/** In the conversation of 100,000: up from the end, and down again. */
export async function scrolling(page, stack) {
  await page.goto(`${stack.url}/c/${stack.large}`);
  const box = page.locator('.message-scroller');
  await box.waitFor();
  await page.locator('.bubble').first().waitFor();
  await box.hover();
  const runs = { up: await wheel(page, -1, SECONDS), down: await wheel(page, 1, SECONDS / 3) };
  for (const [name, { frames, long, messages }] of Object.entries(runs)) {
    const slow = long.filter(({ ms }) => ms > 50);
    const worst = [...slow].sort((a, b) => b.ms - a.ms).slice(0, 3);
    tell(`scroll_${name}_messages`, messages, 1, { atLeast: true });
    tell(`scroll_${name}_longest_frame_ms`, Math.max(0, ...long.map(({ ms }) => ms)), 50, {
      over: slow.length,
      of: frames.length,
      ...(worst.length > 0 ? { worst } : {}),
    });
  }
}
