import { ApiError } from '../api/errors.ts';
import type { RestClient } from '../rest/client.ts';
import { Backoff } from '../util/backoff.ts';
import { Timer } from '../util/timer.ts';
import type { Home } from './home.ts';

/** Milliseconds in which events that speak of invitations gather. */
const GATHER_MS = 50;

/** Keeps the list of invitations as the server has it: read after each welcome, and when an event speaks of one. */
export class InvitationSync {
  readonly #home: Home;
  readonly #rest: RestClient;
  readonly #backoff = new Backoff(500, 30_000);
  readonly #timer = new Timer();
  #last: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(home: Home, rest: RestClient) {
    this.#home = home;
    this.#rest = rest;
  }

  stop(): void {
    this.#stopped = true;
    this.#timer.stop();
  }

  /** Reads them now. Readings go one after another, so that an older answer never replaces a newer one. */
  refresh(): Promise<void> {
    const reading = this.#last.then(() => this.#read());
    this.#last = reading.catch(() => undefined);
    return reading;
  }

  /** Reads them soon, and again with growing delays until it works. */
  want(): void {
    if (!this.#timer.pending) this.#again(GATHER_MS);
  }

  /** An answer says how many there are: that is enough where it is as known, and no event was missed. */
  async heed(answer: { full: boolean; invitation_count: number } | null): Promise<void> {
    const known = await this.#home.transaction(['meta'], {}, (tx) => tx.get('meta', 'invitations')).catch(() => undefined);
    const count = Array.isArray(known) ? known.length : 0;
    const isAsKnown = answer !== null && count === answer.invitation_count && (count === 0 || !answer.full);
    if (!isAsKnown) this.want();
  }

  #again(afterMs: number): void {
    if (this.#stopped) return;
    this.#timer.start(afterMs, () => {
      this.refresh().then(
        () => this.#backoff.reset(),
        (error: unknown) => {
          if (error instanceof ApiError && error.retryable) this.#again(this.#backoff.nextDelayMs(error.retryAfterMs));
        },
      );
    });
  }

  async #read(): Promise<void> {
    const invitations = await this.#rest.invitations();
    await this.#home.transaction(['meta'], { write: true }, async (tx) => tx.put('meta', 'invitations', invitations));
    this.#home.publish({ invitations });
  }
}
