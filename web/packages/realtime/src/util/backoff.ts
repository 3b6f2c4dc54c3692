/** Milliseconds between nothing and `ceiling`. */
const jitter = (ceiling: number): number => Math.random() * ceiling;

/**
 * Delays with full jitter: each lies anywhere between nothing and a ceiling that doubles with every failure. Clients that lost
 * the same server at the same moment do not come back at the same moment.
 */
export class Backoff {
  readonly #baseMs: number;
  readonly #capMs: number;
  #failures = 0;

  constructor(baseMs: number, capMs: number) {
    this.#baseMs = baseMs;
    this.#capMs = capMs;
  }

  /** Things went well: begin again at the base. */
  reset(): void {
    this.#failures = 0;
  }

  get ceilingMs(): number {
    return Math.min(this.#baseMs * 2 ** Math.min(this.#failures, 40), this.#capMs);
  }

  /**
   * The next delay in milliseconds. When the server said `atLeastMs`, that plus up to half of it again, so that those who were
   * told the same do not come together.
   */
  nextDelayMs(atLeastMs: number | null = null): number {
    const ceiling = this.ceilingMs;
    this.#failures += 1;
    if (atLeastMs === null) return jitter(ceiling);
    return atLeastMs + jitter(Math.max(atLeastMs / 2, this.#baseMs));
  }
}
