import { Timer } from '../util/timer.ts';

/** Does work soon after it was asked for, and not more often than every `everyMs` milliseconds. */
export class Throttle {
  readonly #everyMs: number;
  readonly #work: () => void;
  readonly #timer = new Timer();
  #queued = false;
  #last = Number.NEGATIVE_INFINITY;

  constructor(everyMs: number, work: () => void) {
    this.#everyMs = everyMs;
    this.#work = work;
  }

  ask(): void {
    if (this.#queued || this.#timer.pending) return;
    const wait = this.#last + this.#everyMs - performance.now();
    if (wait > 0) {
      this.#timer.start(wait, () => this.#run());
      return;
    }
    this.#queued = true;
    queueMicrotask(() => {
      if (this.#queued) this.#run();
    });
  }

  /** Does now what was asked for. */
  flush(): void {
    if (this.#queued || this.#timer.pending) this.#run();
  }

  stop(): void {
    this.#queued = false;
    this.#timer.stop();
  }

  #run(): void {
    this.stop();
    this.#last = performance.now();
    this.#work();
  }
}
