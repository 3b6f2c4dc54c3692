// Measures the built client against a whole stack, as `./relay bench web` starts it: one line of JSON a figure. Never judges: a goal
// that is missed is said, and the exit status is 0. Needs RELAYHUB_URL, RELAYHUB_GATEWAY and RELAYHUB_LARGE, the conversation of 100,000.
import { launch } from '../tests/support/browser.mjs';
import { audit } from './audit.mjs';
import { tell } from './figures.mjs';
import { firstLoad, shellFromCache } from './loading.mjs';
import { floods } from './memory.mjs';
import { messages } from './messages.mjs';
import { logIn } from './page.mjs';
import { scrolling } from './scrolling.mjs';
import { switching } from './switching.mjs';

const stack = {
  url: process.env.RELAYHUB_URL.replace(/\/$/, ''),
  gateway: process.env.RELAYHUB_GATEWAY,
  large: process.env.RELAYHUB_LARGE,
};
const browser = await launch();
console.log(`browser: ${browser.version()}`);
// For somebody who works on one of them: a part of its name.
const only = process.env.RELAYHUB_BENCH ?? '';
const wanted = (name) => name.includes(only);

if (wanted('loading')) await firstLoad(browser, stack);
const ann = await logIn(browser, stack, 'ann');
await ann.goto(`${stack.url}/c/${stack.large}`);
await ann.locator('.bubble').first().waitFor();
if (wanted('loading')) await shellFromCache(ann);
if (wanted('switching')) await switching(ann);
if (wanted('scrolling')) await scrolling(ann, stack);
const bob = await logIn(browser, stack, 'bob');
if (wanted('messages')) await messages(ann, bob, stack);
if (wanted('memory')) await floods(bob, stack);
await browser.close();
if (wanted('audit')) await audit(stack);
tell('bench_seconds', performance.now() / 1000);
