import { MemoryStore } from '../src/store/memory.ts';
import { type Store, StoreError, type StoreFailure, type Table, type Tx, type TxOptions } from '../src/store/store.ts';
import { Emitter } from '../src/util/emitter.ts';

/** A browser's store on a disk that can be full: what is there can be read. */
export class FailingStore implements Store {
  readonly persistent = true;
  readonly shared = true;
  readonly inner = new MemoryStore();
  readonly #failures = new Emitter<StoreFailure>();
  isFull = false;

  async transaction<T>(tables: readonly Table[], options: TxOptions, work: (tx: Tx) => Promise<T>): Promise<T> {
    if (this.isFull && options.write) {
      this.#failures.emit('quota');
      throw new StoreError('quota');
    }
    return this.inner.transaction(tables, options, work);
  }

  onFailure(listener: (why: StoreFailure) => void): () => void {
    return this.#failures.on(listener);
  }

  close(): void {}
}
