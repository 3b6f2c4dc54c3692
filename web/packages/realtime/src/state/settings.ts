import { ApiError } from '../api/errors.ts';
import type { Settings } from '../api/receipts.ts';
import type { RestClient } from '../rest/client.ts';
import { Backoff } from '../util/backoff.ts';
import { Timer } from '../util/timer.ts';
import type { Value } from '../util/value.ts';
import { isKnownEvent } from '../wire/events.ts';
import type { Change } from './change.ts';
import type { Home } from './home.ts';

const KEY = 'settings';

/** What a build of before did not keep. */
const USUAL = { presenceTo: 'contacts', availability: 'available' };

/** What the person has set for all their devices: kept, asked for after connecting, and followed as it changes. */
export class SettingsDesk {
  readonly #value: Value<Settings | null>;
  readonly #home: Home;
  readonly #rest: RestClient;
  readonly #again = new Timer();
  readonly #backoff = new Backoff(500, 30_000);
  /** Rises with every news: an answer that was asked for before it is older. */
  #news = 0;
  #stopped = false;
  /** Whether somebody has asked for them. */
  #wanted = false;
  #isStale = true;

  constructor(value: Value<Settings | null>, home: Home, rest: RestClient) {
    this.#value = value;
    this.#home = home;
    this.#rest = rest;
  }

  stop(): void {
    this.#stopped = true;
    this.#again.stop();
    this.#value.set(null);
  }

  /** Somebody asks. What the store has comes first. */
  want(): void {
    if (this.#wanted) return;
    this.#wanted = true;
    void this.#load().then(() => this.#read());
  }

  /** The connection is back. */
  wake(): void {
    this.#isStale = true;
    if (this.#wanted) void this.#read();
  }

  heed(change: Change): void {
    for (const event of change.events ?? []) {
      if (!isKnownEvent(event) || event.type !== 'SETTINGS_CHANGED') continue;
      const known = this.#value.get();
      if (known === null) {
        this.wake();
        continue;
      }
      const { read_receipts, presence_to, availability } = event;
      this.take({
        readReceipts: read_receipts ?? known.readReceipts,
        presenceTo: presence_to ?? known.presenceTo,
        availability: availability ?? known.availability,
      });
    }
  }

  take(settings: Settings): void {
    if (this.#stopped) return;
    this.#news += 1;
    const known = this.#value.get();
    const { readReceipts, presenceTo, availability } = settings;
    if (known?.readReceipts === readReceipts && known.presenceTo === presenceTo && known.availability === availability) return;
    this.#value.set(settings);
    const keep = this.#home.transaction(['meta'], { write: true }, async (tx) => tx.put('meta', KEY, settings));
    void keep.catch(() => undefined);
  }

  async #load(): Promise<void> {
    const news = this.#news;
    const stored = await this.#home.transaction(['meta'], {}, (tx) => tx.get('meta', KEY)).catch(() => undefined);
    if (stored !== undefined && news === this.#news && !this.#stopped) this.#value.set({ ...USUAL, ...(stored as Settings) });
  }

  async #read(): Promise<void> {
    if (!this.#isStale || this.#stopped) return;
    this.#isStale = false;
    const news = this.#news;
    try {
      const settings = await this.#rest.settings();
      this.#backoff.reset();
      if (news === this.#news) this.take(settings);
    } catch (error) {
      this.#isStale = true;
      if (!(error instanceof ApiError) || !error.retryable || this.#stopped) return;
      this.#again.start(this.#backoff.nextDelayMs(error.retryAfterMs), () => void this.#read());
    }
  }
}
