// Browser tests against a whole stack: RELAYHUB_URL=http://127.0.0.1:PORT node web/tests/run.mjs [file, or part of a name]…
// RELAYHUB_SCREENS=DIR keeps pictures of the main screens there. The last line is `N passed, N failed`.
import { mkdirSync } from 'node:fs';
import { apart } from './cases/apart.mjs';
import { care } from './cases/care.mjs';
import { deletions } from './cases/deletions.mjs';
import { devices } from './cases/devices.mjs';
import { edits } from './cases/edits.mjs';
import { groups } from './cases/groups.mjs';
import { history } from './cases/history.mjs';
import { later } from './cases/later.mjs';
import { network } from './cases/network.mjs';
import { pictures } from './cases/pictures.mjs';
import { pins } from './cases/pins.mjs';
import { reactions } from './cases/reactions.mjs';
import { receipts } from './cases/receipts.mjs';
import { reload } from './cases/reload.mjs';
import { search } from './cases/search.mjs';
import { sight } from './cases/sight.mjs';
import { tabs } from './cases/tabs.mjs';
import { talk } from './cases/talk.mjs';
import { threads } from './cases/threads.mjs';
import { launch } from './support/browser.mjs';
import { hangUp } from './support/relay.mjs';

const LIMIT_MS = 180_000;
const url = process.env.RELAYHUB_URL?.replace(/\/$/, '');
if (!url) {
  console.error('RELAYHUB_URL is missing: the address of the page');
  process.exit(2);
}
const screens = process.env.RELAYHUB_SCREENS || null;
if (screens) mkdirSync(screens, { recursive: true });

const files = {
  talk,
  groups,
  edits,
  deletions,
  reactions,
  threads,
  pins,
  receipts,
  apart,
  history,
  later,
  search,
  tabs,
  reload,
  network,
  devices,
  care,
  sight,
  ...(screens ? { pictures } : {}),
};
const cases = Object.entries(files).flatMap(([file, tests]) => Object.entries(tests).map(([name, test]) => [name, test, file]));
const wanted = process.argv.slice(2);
const isWanted = (name, file) => wanted.length === 0 || wanted.some((one) => file === one || name.includes(one));
const chosen = cases.filter(([name, , file]) => isWanted(name, file));
const browser = await launch();
let failed = 0;

for (const [name, test] of chosen) {
  const world = { browser, url, screens, people: [] };
  const began = Date.now();
  try {
    await within(test(world));
    const complaints = world.people.flatMap((person) => person.complaints);
    if (complaints.length > 0) throw new Error(`the page complained:\n${complaints.join('\n')}`);
    console.log(`ok      ${name} (${Date.now() - began} ms)`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED  ${name} (${Date.now() - began} ms)\n${indented(error)}`);
    await tell(world);
  }
  await Promise.all(world.people.map((person) => person.context.close().catch(() => undefined)));
}
await browser.close();
hangUp();
console.log(`${chosen.length - failed} passed, ${failed} failed`);
process.exitCode = failed > 0 || chosen.length === 0 ? 1 : 0;

async function within(work) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done within ${LIMIT_MS} ms`)), LIMIT_MS);
  });
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

function indented(error) {
  return String(error?.stack ?? error).replace(/^/gm, '    ');
}

/** What each person saw when it failed. */
async function tell(world) {
  for (const person of world.people) {
    const [text = ''] = await person.page
      .locator('body')
      .allInnerTexts()
      .catch(() => ['(closed)']);
    console.log(`    ${person.name} at ${person.page.url()}: ${JSON.stringify(text.slice(0, 600))}`);
    for (const complaint of person.complaints) console.log(`    ${complaint}`);
    if (process.env.RELAYHUB_FAILURES)
      await person.page
        .screenshot({ path: `${process.env.RELAYHUB_FAILURES}/${person.name.replace(/\W/g, '')}.png` })
        .catch(() => undefined);
  }
}
