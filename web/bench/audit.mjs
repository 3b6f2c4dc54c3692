import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { launchLasting } from '../tests/support/browser.mjs';
import { tell } from './figures.mjs';
import { enter } from './page.mjs';

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Lighthouse over the chat page of somebody who is logged in; axe alone where Lighthouse is not there. */
export async function audit(stack) {
  const lighthouse = await import('lighthouse').then(
    (module) => module.default,
    () => null,
  );
  const profile = mkdtempSync(join(tmpdir(), 'relayhub-audit-'));
  const port = await freePort();
  const context = await launchLasting(profile, port);
  try {
    const page = await context.newPage();
    await enter(page, stack, 'ann');
    const url = `${stack.url}/c/${stack.large}`;
    if (lighthouse === null) await withAxe(page, url);
    else await withLighthouse(lighthouse, url, port);
  } finally {
    await context.close();
    rmSync(profile, { recursive: true, force: true });
  }
}

async function withLighthouse(lighthouse, url, port) {
  const result = await lighthouse(url, {
    port,
    onlyCategories: ['accessibility', 'best-practices'],
    disableStorageReset: true,
    formFactor: 'desktop',
    screenEmulation: { disabled: true },
    throttlingMethod: 'provided',
  });
  for (const { id, score, auditRefs } of Object.values(result.lhr.categories)) {
    const missed = auditRefs.map((ref) => result.lhr.audits[ref.id]).filter((one) => one.score !== null && one.score < 1);
    tell(`audit_${id.replace('-', '_')}`, score * 100, 95, {
      atLeast: true,
      by: `lighthouse ${result.lhr.lighthouseVersion}`,
      ...(missed.length > 0 ? { missed: missed.map((one) => one.id) } : {}),
    });
  }
}

/** Not the same as Lighthouse's number: the part of axe's rules that hold. */
async function withAxe(page, url) {
  await page.goto(url);
  await page.locator('.bubble').first().waitFor();
  await page.evaluate(readFileSync(createRequire(import.meta.url).resolve('axe-core'), 'utf8'));
  const { passes, violations } = await page.evaluate(() => window.axe.run());
  tell('audit_accessibility', (100 * passes.length) / (passes.length + violations.length), 95, {
    atLeast: true,
    by: 'axe alone',
    missed: violations.map(({ id }) => id),
  });
}
