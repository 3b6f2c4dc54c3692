import type { Readable } from '../api/readable.ts';

/** A {@link Readable} that its owner sets. Subscribers are told once per microtask, however often it changes. */
export class Value<T> implements Readable<T> {
  #value: T;
  #told = false;
  readonly #subscribers = new Set<() => void>();

  constructor(value: T) {
    this.#value = value;
  }

  get(): T {
    return this.#value;
  }

  /** Replaces the value. The same object again is no change. */
  set(value: T): void {
    if (Object.is(value, this.#value)) return;
    this.#value = value;
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
