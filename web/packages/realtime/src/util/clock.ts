import { ulid } from './ulid.ts';

/**
 * How far behind the server's last word the estimate stays, in milliseconds. A key must never be minted ahead of the server:
 * two clocks of ordinary quality drift apart by far less than this between two pongs.
 */
const BEHIND_MS = 1000;

/** Milliseconds on a line that only moves forward and is the same in all tabs of a browser, up to their clocks' corrections. */
export function monotonicMs(): number {
  return performance.timeOrigin + performance.now();
}

/** What the server said its clock is, and when it arrived on the monotonic line. */
export interface ServerTime {
  readonly serverMs: number;
  readonly atMs: number;
}

/** The server's clock, by its last word and the time since. The device's wall clock has no part in it. */
export class ServerClock {
  #heard: ServerTime | null = null;

  /** The server's last word, for other tabs. */
  get heard(): ServerTime | null {
    return this.#heard;
  }

  /** The server said `serverMs`, and it arrived at `atMs`. An older word than the last is ignored. */
  hear(serverMs: number, atMs: number = monotonicMs()): void {
    if (this.#heard === null || atMs >= this.#heard.atMs) this.#heard = { serverMs, atMs };
  }

  /** An estimate behind the server's clock; null before its first word. */
  estimateMs(nowMs: number = monotonicMs()): number | null {
    if (this.#heard === null) return null;
    return Math.max(0, Math.floor(this.#heard.serverMs + Math.max(0, nowMs - this.#heard.atMs) - BEHIND_MS));
  }

  /**
   * A fresh key for a send: a ULID when the server's time is known, else a random word, which tells the server nothing about
   * its age and costs it a look-up.
   */
  mintClientId(): string {
    const ms = this.estimateMs();
    if (ms !== null) return ulid(ms);
    const random = crypto.getRandomValues(new Uint8Array(16));
    return `r-${Array.from(random, (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
  }
}
