import { trimHistory } from '../store/history.ts';
import { Timer } from '../util/timer.ts';
import type { Home } from './home.ts';
import type { ConversationRecord } from './records.ts';

/** Page records that a device keeps, of about 50 events each: some tens of megabytes. In memory it is a tenth. */
const MOST_PAGES = 4000;
const MOST_PAGES_IN_MEMORY = 400;
/** Profiles that a device keeps. All go at once: those that are wanted come again. */
const MOST_PROFILES = 20_000;
/** The part of what the browser allows beyond which a quarter of the pages has to do. */
const CROWDED = 0.5;
/** Pages that every conversation keeps at first, and at last. */
const KEEP = [40, 10, 2];
/** Milliseconds after a connection, and between two looks. */
const FIRST_MS = 30_000;
const AGAIN_MS = 600_000;
/** Conversations of one transaction. */
const AT_ONCE = 50;

/** Keeps the store from growing without end: the longest unused histories lose their older pages. */
export class Housekeeping {
  readonly #home: Home;
  readonly #timer = new Timer();

  constructor(home: Home) {
    this.#home = home;
  }

  start(): void {
    this.#later(FIRST_MS);
  }

  stop(): void {
    this.#timer.stop();
  }

  /** Trims until few enough pages are left, or nothing old is. */
  async tidy(most: number): Promise<void> {
    await this.#home.transaction(['users'], { write: true }, async (tx) => {
      if ((await tx.count('users')) > MOST_PROFILES) tx.clear('users');
    });
    for (const keep of KEEP) {
      const old = await this.#oldFirst();
      for (let at = 0; at < old.length; at += AT_ONCE) {
        if ((await this.#pages()) <= most) return;
        await this.#home.transaction(['pages', 'spans'], { write: true }, async (tx) => {
          for (const { id } of old.slice(at, at + AT_ONCE)) await trimHistory(tx, id, keep);
        });
      }
    }
  }

  #later(ms: number): void {
    this.#timer.start(ms, () => {
      void this.#most()
        .then((most) => this.tidy(most))
        .catch(() => undefined);
      this.#later(AGAIN_MS);
    });
    this.#timer.unref();
  }

  async #most(): Promise<number> {
    if (!this.#home.store.persistent) return MOST_PAGES_IN_MEMORY;
    const storage = (globalThis.navigator as { storage?: StorageManager } | undefined)?.storage;
    const { usage = 0, quota = 0 } = (await storage?.estimate().catch(() => undefined)) ?? {};
    return usage > quota * CROWDED ? MOST_PAGES / 4 : MOST_PAGES;
  }

  #pages(): Promise<number> {
    return this.#home.transaction(['pages'], {}, (tx) => tx.count('pages'));
  }

  /** Conversations, the longest unused first. */
  async #oldFirst(): Promise<ConversationRecord[]> {
    const all = await this.#home.transaction(['conversations'], {}, async (tx) => (await tx.all('conversations')) as ConversationRecord[]);
    return all.sort((a, b) => a.activityMs - b.activityMs);
  }
}
