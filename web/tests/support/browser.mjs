import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { chromium } from 'playwright-core';
import { bundledBrowser } from './bundled.mjs';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/** An installed Chromium if there is one, else the one that a package brings. */
async function browser() {
  if (process.env.RELAYHUB_CHROMIUM) return { executablePath: process.env.RELAYHUB_CHROMIUM };
  for (const directory of (process.env.PATH ?? '').split(delimiter)) {
    for (const name of NAMES) {
      if (existsSync(join(directory, name))) return { executablePath: join(directory, name) };
    }
  }
  return bundledBrowser();
}

export async function launch() {
  // Not the package's own arguments: some of them switch off what is tested here.
  return chromium.launch({ ...(await browser()), args: ['--no-sandbox'] });
}

/** A browser that keeps its profile in a folder, with a port for programs that speak to it. */
export async function launchLasting(profile, port) {
  return chromium.launchPersistentContext(profile, {
    ...(await browser()),
    args: ['--no-sandbox', `--remote-debugging-port=${port}`],
    viewport: null,
  });
}
