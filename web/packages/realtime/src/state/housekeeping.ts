import { trimHistory } from '../store/history.ts';
import { Timer } from '../util/timer.ts';
import type { Home } from './home.ts';
import type { ConversationRecord } from './records.ts';

/** Page records that a device keeps, of about 50 events each: some tens of megabytes. */
const MOST_PAGES = 4000;
/** Pages that every conversation keeps at first, and at last. */
const KEEP = [40, 10, 2];
/** Milliseconds after a connection, and between two looks. */
const FIRST_MS = 30_000;
const AGAIN_MS = 3_600_000;
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

  /** Trims until few enough pages are left, or nothing old is. `most` is for tests. */
  async tidy(most: number = MOST_PAGES): Promise<void> {
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
      this.tidy().catch(() => undefined);
      this.#later(AGAIN_MS);
    });
    this.#timer.unref();
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
