import { Timer } from '../util/timer.ts';
import { ulid } from '../util/ulid.ts';
import type { Bus, TabMessage } from './bus.ts';
import type { Page } from './page.ts';

/** Milliseconds between a follower's pings. */
const PING_MS = 2000;
/** Milliseconds without an answer after which the lock of a leader that does not live is stolen. */
const DEAD_MS = 5000;
/** Milliseconds after which a leader that is not in front gives the socket to a tab that is: its timers are slowed. */
const HIDDEN_MS = 60_000;
/** Milliseconds until a tab that gave it away wants it again. */
const AGAIN_MS = 3000;

/** What a tab does when it leads. */
export interface Leader {
  /** The tab holds the socket from now on. Resolves to the term, which is greater than every one before. */
  begin(): Promise<number>;
  /** Another tab holds it, or will. Has to stop at once: nothing is sent or stored after this returns. */
  end(): void;
}

/**
 * Elects the tab that holds the socket: the one with the lock. A held lock is no sign of life, so followers ping the leader, and
 * one that is in front steals the lock of a leader that does not answer. Terms tell an old leader, when it thaws, that it is none.
 */
export class Leadership {
  readonly #name: string;
  readonly #bus: Bus;
  readonly #page: Page;
  readonly #leader: Leader;
  readonly #locks: LockManager | null;
  readonly #me: string = ulid(Date.now());
  readonly #ping = new Timer();
  readonly #off: (() => void)[] = [];
  #term: number | null = null;
  #release: (() => void) | null = null;
  #wanted: AbortController | null = null;
  #stopped = true;
  #heardMs = 0;

  constructor(name: string, bus: Bus, page: Page, leader: Leader, locks: LockManager | null) {
    this.#name = name;
    this.#bus = bus;
    this.#page = page;
    this.#leader = leader;
    this.#locks = locks;
  }

  /** Whether this tab leads. */
  get leads(): boolean {
    return this.#term !== null;
  }

  start(): void {
    if (!this.#stopped) return;
    this.#stopped = false;
    this.#off.push(
      this.#bus.on((message) => this.#hear(message)),
      this.#page.onLeave(() => this.#stepDown()),
      this.#page.onReturn(() => this.#want(false)),
      this.#page.onWake(() => this.#probe()),
    );
    this.#want(false);
  }

  stop(): void {
    this.#stopped = true;
    for (const off of this.#off.splice(0)) off();
    this.#ping.stop();
    this.#stepDown();
  }

  /** Lets go of the lock, or of the wish for it. */
  #stepDown(): void {
    this.#wanted?.abort();
    this.#wanted = null;
    this.#ping.stop();
    this.#lost();
    this.#release?.();
    this.#release = null;
  }

  #want(steal: boolean): void {
    if (this.#stopped || this.#wanted !== null) return;
    if (this.#locks === null) {
      // Nothing to elect with: each tab works by itself.
      void this.#won();
      return;
    }
    const wanted = new AbortController();
    this.#wanted = wanted;
    const options: LockOptions = steal ? { steal: true } : { signal: wanted.signal };
    this.#locks
      .request(this.#name, options, () => {
        if (this.#stopped || wanted.signal.aborted) return undefined;
        const held = new Promise<void>((resolve) => {
          this.#release = resolve;
        });
        void this.#won();
        return held;
      })
      .catch((error: unknown) => {
        // A wish that was taken back. Else: robbed. The robber leads now, and this tab waits its turn.
        if (this.#wanted !== wanted) return;
        this.#wanted = null;
        this.#release = null;
        this.#lost();
        if ((error as { name?: unknown } | null)?.name === 'AbortError') this.#want(false);
        // No lock can be had at present, as by a page that is being left.
        else this.#ping.start(AGAIN_MS, () => this.#want(false));
      });
    this.#heardMs = performance.now();
    this.#schedule();
  }

  async #won(): Promise<void> {
    this.#ping.stop();
    try {
      const wanted = this.#wanted;
      const term = await this.#leader.begin();
      if (this.#stopped || this.#wanted !== wanted) this.#leader.end();
      else this.#term = term;
    } catch {
      // The store is gone; so is this tab's part in it.
      this.#release?.();
    }
  }

  #lost(): void {
    if (this.#term === null) return;
    this.#term = null;
    this.#leader.end();
  }

  #hear(message: TabMessage): void {
    if (message.is === 'ping' && message.from !== this.#me && this.#term !== null) {
      this.#bus.post({ is: 'pong', to: message.from, term: this.#term, hiddenMs: this.#page.hiddenMs });
    } else if (message.is === 'pong' && message.to === this.#me) {
      this.#heardMs = performance.now();
      if (message.hiddenMs >= HIDDEN_MS && this.#page.visible) this.#bus.post({ is: 'yield', term: message.term });
    } else if (message.is === 'yield' && message.term === this.#term && this.#page.hiddenMs >= HIDDEN_MS) {
      this.#stepDown();
      // Behind those who wait already.
      this.#ping.start(AGAIN_MS, () => this.#want(false));
    } else if (message.is === 'state' && this.#locks !== null) {
      if (this.#term !== null && message.term > this.#term) this.#lost();
      if (this.#term === null) this.#heardMs = performance.now();
    }
  }

  #schedule(): void {
    if (this.#term !== null || this.#stopped) return;
    const leftMs = DEAD_MS - (performance.now() - this.#heardMs);
    this.#ping.start(leftMs > 0 ? Math.min(PING_MS, leftMs) : PING_MS, () => this.#probe());
  }

  #probe(): void {
    if (this.#term !== null || this.#stopped || this.#locks === null || this.#wanted === null) return;
    const silentMs = performance.now() - this.#heardMs;
    // A tab that slept itself has heard nothing either: it asks first.
    if (silentMs >= DEAD_MS && silentMs < DEAD_MS + 2 * PING_MS && this.#page.visible) {
      this.#wanted.abort();
      this.#wanted = null;
      this.#want(true);
      return;
    }
    if (silentMs >= DEAD_MS + 2 * PING_MS) this.#heardMs = performance.now();
    this.#bus.post({ is: 'ping', from: this.#me });
    this.#schedule();
  }
}
