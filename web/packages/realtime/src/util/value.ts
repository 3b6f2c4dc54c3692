import type { Readable } from '../api/readable.ts';

/** A {@link Readable} that its owner sets. Subscribers are told once per microtask, however often it changes. */
export class Value<T> implements Readable<T> {
  #value: T;
  /** Makes the value, as soon as it is asked for. */
  #make: (() => T) | null = null;
  #told = false;
  readonly #subscribers = new Set<() => void>();

  constructor(value: T) {
    this.#value = value;
  }

  get(): T {
    const make = this.#make;
    this.#make = null;
    if (make !== null) this.#value = make();
    return this.#value;
  }

  /** Replaces the value. The same object again is no change. */
  set(value: T): void {
    if (this.#make === null && Object.is(value, this.#value)) return;
    this.#make = null;
    this.#value = value;
    this.#tell();
  }

  /** It changed, and is dear to make: that waits until it is asked for. */
  later(make: () => T): void {
    this.#make = make;
    this.#tell();
  }

  subscribe(changed: () => void): () => void {
    // A wrapper of its own, so that the same function may subscribe twice.
    const subscriber = (): void => changed();
    this.#subscribers.add(subscriber);
    return () => this.#subscribers.delete(subscriber);
  }

  #tell(): void {
    if (this.#told || this.#subscribers.size === 0) return;
    this.#told = true;
    queueMicrotask(() => {
      this.#told = false;
      for (const subscriber of [...this.#subscribers]) callSafely(subscriber);
    });
  }
}

/** Calls a program's function. What it throws is the program's to see, and does not stop the client. */
export function callSafely<A extends unknown[]>(listener: (...args: A) => unknown, ...args: A): void {
  try {
    listener(...args);
  } catch (error) {
    // As an event handler's error: reported, not swallowed.
    if (typeof reportError === 'function') reportError(error);
    else queueMicrotask(() => Promise.reject(error));
  }
}
