import { ApiError } from '../api/errors.ts';
import type { ScheduledMessage } from '../api/scheduled.ts';
import type { RestClient } from '../rest/client.ts';
import { Backoff } from '../util/backoff.ts';
import { Timer } from '../util/timer.ts';
import type { Value } from '../util/value.ts';
import { isKnownEvent } from '../wire/events.ts';
import type { Change } from './change.ts';

/** Milliseconds in which events that speak of scheduled messages gather. */
const GATHER_MS = 50;

/**
 * The person's messages that are to be sent later, while somebody asks for them: read after connecting, and again when an event speaks
 * of one. Events hold no texts, and the device keeps none.
 */
export class ScheduledDesk {
  readonly #value: Value<readonly ScheduledMessage[] | null>;
  readonly #rest: RestClient;
  readonly #timer = new Timer();
  readonly #backoff = new Backoff(500, 30_000);
  #last: Promise<void> = Promise.resolve();
  #wanted = false;
  #stopped = false;

  constructor(value: Value<readonly ScheduledMessage[] | null>, rest: RestClient) {
    this.#value = value;
    this.#rest = rest;
  }

  stop(): void {
    this.#stopped = true;
    this.#timer.stop();
    this.#value.set(null);
  }

  /** Somebody asks. */
  want(): void {
    if (this.#wanted) return;
    this.#wanted = true;
    this.#soon(0);
  }

  /** The connection is back, or something may have been missed. */
  wake(): void {
    if (this.#wanted) this.#soon(0);
  }

  heed(change: Change): void {
    if (!this.#wanted) return;
    const told = change.events?.some((event) => isKnownEvent(event) && event.type === 'SCHEDULED_MESSAGE_CHANGED');
    if ((told || change.reset !== undefined) && !this.#timer.pending) this.#soon(GATHER_MS);
  }

  /** Reads them now, where anybody asks. Readings go one after another: an older answer never replaces a newer one. */
  refresh(): Promise<void> {
    if (!this.#wanted || this.#stopped) return Promise.resolve();
    const reading = this.#last.then(async () => {
      const scheduled = await this.#rest.scheduled();
      if (!this.#stopped) this.#value.set(scheduled);
    });
    this.#last = reading.catch(() => undefined);
    return reading;
  }

  #soon(afterMs: number): void {
    if (this.#stopped) return;
    this.#timer.start(afterMs, () => {
      this.refresh().then(
        () => this.#backoff.reset(),
        (error: unknown) => {
          if (error instanceof ApiError && error.retryable) this.#soon(this.#backoff.nextDelayMs(error.retryAfterMs));
        },
      );
    });
  }
}
