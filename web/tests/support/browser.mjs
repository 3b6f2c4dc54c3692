import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import bundled from '@sparticuz/chromium';
import { chromium } from 'playwright-core';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/** An installed Chromium if there is one, else the one that a package brings. */
async function executable() {
  if (process.env.RELAYHUB_CHROMIUM) return process.env.RELAYHUB_CHROMIUM;
  for (const directory of (process.env.PATH ?? '').split(delimiter)) {
    for (const name of NAMES) {
      if (existsSync(join(directory, name))) return join(directory, name);
    }
  }
  return bundled.executablePath();
}

export async function launch() {
  // Not the package's own arguments: some of them switch off what is tested here.
  return chromium.launch({ executablePath: await executable(), args: ['--no-sandbox'] });
}

/** A browser that keeps its profile in a folder, with a port for programs that speak to it. */
export async function launchLasting(profile, port) {
  return chromium.launchPersistentContext(profile, {
    executablePath: await executable(),
    args: ['--no-sandbox', `--remote-debugging-port=${port}`],
    viewport: null,
  });
}
