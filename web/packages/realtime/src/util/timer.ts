/** One pending call at most. */
export class Timer {
  #handle: ReturnType<typeof setTimeout> | null = null;

  get pending(): boolean {
    return this.#handle !== null;
  }

  /** Calls `work` after `ms` instead of what was pending. */
  start(ms: number, work: () => void): void {
    this.stop();
    // Longer ones would overflow to "at once".
    this.#handle = setTimeout(
      () => {
        this.#handle = null;
        work();
      },
      Math.min(Math.max(ms, 0), 0x7fff_ffff),
    );
  }

  /** In Node: does not keep the process alive. */
  unref(): void {
    (this.#handle as { unref?: () => void } | null)?.unref?.();
  }

  stop(): void {
    if (this.#handle !== null) clearTimeout(this.#handle);
    this.#handle = null;
  }
}
