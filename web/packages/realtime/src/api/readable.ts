/**
 * A value that changes. `get` gives the same object as long as nothing changed, so that it fits `useSyncExternalStore` and
 * its like. Subscribers are told at most once per turn of the event loop, after the change, and read what they need.
 */
export interface Readable<T> {
  /** The present value. Never mutated: a change makes a new one. */
  get(): T;
  /** Calls `changed` after every change until the returned function is called. */
  subscribe(changed: () => void): () => void;
}
