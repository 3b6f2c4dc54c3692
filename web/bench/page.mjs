/** Runs in every page before its own scripts: when things are first on the screen. */
function watch() {
  const seen = {};
  window.bench = { seen };
  const wanted = { shell: '.list-pane', rows: '.list-pane .row', messages: '.message-scroller .bubble' };
  const look = () => {
    for (const [name, selector] of Object.entries(wanted)) {
      if (seen[name] !== undefined || document.querySelector(selector) === null) continue;
      seen[name] = null;
      // The frame after the one that painted it.
      requestAnimationFrame(() => requestAnimationFrame(() => (seen[name] = performance.now())));
    }
  };
  new MutationObserver(look).observe(document, { childList: true, subtree: true });
}

export async function newPage(browser) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: 'en-GB' });
  context.setDefaultTimeout(60_000);
  await context.addInitScript(watch);
  return context.newPage();
}

/** Logs in through the page, as a person does. */
export async function logIn(browser, stack, handle) {
  const page = await newPage(browser);
  await enter(page, stack, handle);
  return page;
}

export async function enter(page, stack, handle) {
  await page.goto(`${stack.url}/login`);
  await page.locator('input[autocomplete=username]').fill(handle);
  await page.locator('input[autocomplete="current-password"]').fill(`password of ${handle}`);
  await page.locator('button[type=submit]').click();
  await page.locator('.list-pane .row').first().waitFor();
}

/** When things were on the screen, in milliseconds since the page began. */
export async function whenSeen(page, ...names) {
  const seen = await page.waitForFunction(
    (wanted) => (wanted.every((name) => window.bench.seen[name] > 0) ? window.bench.seen : null),
    names,
  );
  return seen.jsonValue();
}
