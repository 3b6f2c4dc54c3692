import { MemoryStore } from '../src/store/memory.ts';
import type { Store, StoreFailure, Table, Tx, TxOptions } from '../src/store/store.ts';
import { Value } from '../src/util/value.ts';

/** A store that takes as long as a test wants to write one table. */
export class SlowStore implements Store {
  readonly persistent = false;
  readonly shared = false;
  /** Writes that are held up now. */
  readonly waiting = new Value(0);
  readonly #inner = new MemoryStore();
  readonly #held = new Map<Table, Promise<void>>();

  /** Holds up writes of the table until the result is called. */
  hold(table: Table): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#held.set(table, promise);
    return () => {
      this.#held.delete(table);
      resolve();
    };
  }

  async transaction<T>(tables: readonly Table[], options: TxOptions, work: (tx: Tx) => Promise<T>): Promise<T> {
    const held = options.write ? tables.map((table) => this.#held.get(table)).find((hold) => hold !== undefined) : undefined;
    if (held !== undefined) {
      this.waiting.set(this.waiting.get() + 1);
      await held;
      this.waiting.set(this.waiting.get() - 1);
    }
    return this.#inner.transaction(tables, options, work);
  }

  onFailure(listener: (why: StoreFailure) => void): () => void {
    return this.#inner.onFailure(listener);
  }

  close(): void {}
}
