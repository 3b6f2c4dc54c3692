import { quantile, tell } from './figures.mjs';
import { enter, newPage, whenSeen } from './page.mjs';

const RELOADS = 9;

/** Everything that a browser without a cache loads until a conversation is on the screen; what the worker fetches comes later. */
export async function firstLoad(browser, stack) {
  const page = await newPage(browser);
  const bytes = { script: 0, stylesheet: 0, font: 0, document: 0 };
  const encodings = new Set();
  page.on('requestfinished', async (request) => {
    const kind = request.resourceType();
    const response = await request.response();
    if (bytes[kind] === undefined || response === null || response.fromServiceWorker()) return;
    bytes[kind] += (await request.sizes()).responseBodySize;
    if (kind === 'script') encodings.add(response.headers()['content-encoding'] ?? 'none');
  });
  await enter(page, stack, 'ann');
  await page.locator('.row', { hasText: 'bob' }).first().click();
  await page.locator('.bubble').first().waitFor();
  await page.waitForLoadState('networkidle');
  const encoding = [...encodings].join(', ');
  tell('first_load_js_kb', bytes.script / 1000, 200, { encoding });
  tell('first_load_all_kb', Object.values(bytes).reduce((sum, one) => sum + one, 0) / 1000);
  await page.context().close();
}

/** Reloads with a worker that has the shell, and messages that the store has. */
export async function shellFromCache(page) {
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
  await page.reload();
  await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
  const all = [];
  for (let n = 0; n < RELOADS; n += 1) {
    await page.reload();
    all.push(await whenSeen(page, 'shell', 'rows', 'messages'));
  }
  const of = (name) => all.map((seen) => seen[name]);
  tell('shell_from_cache_ms', quantile(of('shell'), 0.5), 1000, { longest: Math.round(Math.max(...of('shell'))) });
  tell('rows_from_cache_ms', quantile(of('rows'), 0.5), 1000);
  tell('messages_from_cache_ms', quantile(of('messages'), 0.5), 1000, { longest: Math.round(Math.max(...of('messages'))) });
  await page.context().setOffline(true);
  await page.reload();
  const { messages } = await whenSeen(page, 'messages');
  tell('messages_offline_ms', messages, 1000);
  await page.context().setOffline(false);
}
