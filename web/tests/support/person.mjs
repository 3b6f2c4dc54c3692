/** How long anything on the screen may take. */
export const PATIENCE_MS = 15_000;
export const PASSWORD = 'harbour walk at noon';

let count = 0;
const run = Date.now().toString(36).slice(-6);

/** A handle that no other test has. */
export function newHandle(name) {
  count += 1;
  return `${name.toLowerCase().replace(/[^a-z]/g, '') || 'p'}_${run}${count}`.slice(0, 32);
}

/** Somebody with a browser of their own. What the page complains about fails the test. */
export class Person {
  constructor(world, name, options) {
    this.world = world;
    this.name = name;
    this.options = options;
    this.complaints = [];
  }

  static async open(world, name, options = {}) {
    const person = new Person(world, name, options);
    person.context = await world.browser.newContext({
      viewport: { width: 1280, height: 800 },
      locale: 'en-GB',
      reducedMotion: 'reduce',
      ...options,
    });
    person.context.setDefaultTimeout(PATIENCE_MS);
    await person.context.addInitScript(keepSockets);
    person.page = await person.tab();
    world.people.push(person);
    return person;
  }

  /** Another tab of this browser. */
  async tab() {
    const page = await this.context.newPage();
    page.on('pageerror', (error) => this.complaints.push(`${this.name}: ${error.stack}`));
    page.on('console', (message) => {
      if (/Content Security Policy|TrustedScript|Trusted Type/i.test(message.text()))
        this.complaints.push(`${this.name}: ${message.text()}`);
    });
    return page;
  }

  /** Sockets that are open in this browser's tabs, or in one of them, as its pages know them; null while one is being loaded. */
  async openSockets(tab) {
    const pages = tab ? [tab] : this.context.pages();
    const counts = await Promise.all(
      pages.map((page) => page.evaluate(() => globalThis.openSockets()).catch((error) => (page.isClosed() ? 0 : unloaded(error)))),
    );
    return counts.includes(null) ? null : counts.reduce((sum, count) => sum + count, 0);
  }

  /** The conversation on the screen. */
  conversationId() {
    return /\/c\/(\w+)/.exec(this.page.url())?.[1];
  }

  async signUp(handle = newHandle(this.name)) {
    this.handle = handle;
    await this.page.goto(`${this.world.url}/signup`);
    await this.page.locator('input[autocomplete=name]').fill(this.name);
    await this.page.locator('input[autocomplete=username]').fill(handle);
    await this.page.locator('input[autocomplete="new-password"]').fill(PASSWORD);
    const authorized = this.page.waitForRequest((request) => 'authorization' in request.headers());
    await this.page.locator('button[type=submit]').click();
    const claims = (await authorized).headers().authorization.split('.')[1];
    this.id = JSON.parse(Buffer.from(claims, 'base64url').toString()).sub;
    await this.page.locator('.list-pane').waitFor();
    return this;
  }

  async logIn(handle, password = PASSWORD) {
    this.handle = handle;
    await this.page.goto(`${this.world.url}/login`);
    await this.page.locator('input[autocomplete=username]').fill(handle);
    await this.page.locator('input[autocomplete="current-password"]').fill(password);
    await this.page.locator('button[type=submit]').click();
    await this.page.locator('.list-pane').waitFor();
    return this;
  }

  /** Finds somebody by handle and opens the conversation with them. */
  async find(handle) {
    await this.page.locator('.list-head .icon-button').click();
    await this.page.locator('.dialog input').fill(handle);
    await this.page.locator('.person-pick', { hasText: `@${handle}` }).click();
    await this.page.locator('#composer').waitFor();
  }

  row(title) {
    return this.page.locator('.row', { hasText: title });
  }

  async open(title) {
    await this.row(title).first().click();
    await this.page.locator('.conversation-header', { hasText: title }).waitFor();
  }

  async write(text) {
    await this.page.locator('#composer').fill(text);
    await this.page.locator('#composer').press('Enter');
  }

  bubble(text) {
    return this.page.locator('.bubble', { hasText: text });
  }

  async sees(text) {
    await this.bubble(text).last().waitFor();
  }

  /** Waits until everything written is stored. */
  async allSent() {
    await this.page.locator('.conversation .ticks[data-state=pending]').first().waitFor({ state: 'detached' });
  }

  async shot(name) {
    if (!this.world.screens) return;
    await this.page.evaluate(() => document.fonts.ready);
    await this.page.screenshot({ path: `${this.world.screens}/${name}.png` });
  }
}

/** Counts the sockets of a document: those of one that is left end with it, and nothing says so outside. Runs in the page. */
function keepSockets() {
  const sockets = [];
  globalThis.openSockets = () => sockets.filter(({ socket }) => socket.readyState === WebSocket.OPEN).length;
  globalThis.socketsMadeAt = () => sockets.map(({ atMs }) => atMs);
  globalThis.WebSocket = class extends WebSocket {
    constructor(...parts) {
      super(...parts);
      sockets.push({ socket: this, atMs: Date.now() });
    }
  };
}

/** Nothing, where a page cannot be asked because another document is on its way. */
function unloaded(error) {
  if (/context was destroyed|navigat|openSockets is not a function/i.test(String(error))) return null;
  throw error;
}

/** Two people who have accepted each other and look at their conversation. */
export async function friends(world, options = {}) {
  const [ann, bob] = await Promise.all([Person.open(world, 'Ann Verhoeven', options), Person.open(world, 'Bob Rivera', options)]);
  await Promise.all([ann.signUp(), bob.signUp()]);
  await ann.find(bob.handle);
  await ann.write('Hello Bob');
  await bob.open('Ann Verhoeven');
  await bob.page.locator('.request-bar .button[data-kind=primary]').click();
  await bob.page.locator('#composer').waitFor();
  return { ann, bob };
}

/** Waits until a value of the page is what it should be, and says what was seen when it is not. */
export async function until(what, read, wanted, patience = PATIENCE_MS) {
  const end = Date.now() + patience;
  let seen;
  while (Date.now() < end) {
    seen = await read();
    if (typeof wanted === 'function' ? wanted(seen) : seen === wanted) return seen;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${what}: saw ${JSON.stringify(seen)} for ${patience} ms`);
}

export function distanceFromEnd(person) {
  return person.page.locator('.message-scroller').evaluate((box) => box.scrollHeight - box.scrollTop - box.clientHeight);
}

/** The first message that is wholly on the screen, and where. */
export function firstShown(person) {
  return person.page.locator('.message-scroller').evaluate((box) => {
    const top = box.getBoundingClientRect().top;
    const rows = [...box.querySelectorAll('.message-row')].map((row) => ({
      key: row.dataset.key,
      y: Math.round(row.getBoundingClientRect().top - top),
    }));
    return rows.filter((row) => row.y >= 0).sort((a, b) => a.y - b.y)[0];
  });
}
