import { Emitter } from '../util/emitter.ts';
import type { Entry, Key, Range, Store, StoreFailure, Table, Tx, TxOptions } from './store.ts';
import { TABLES } from './store.ts';

type Rows = Map<string, unknown>;
type Ordered = Map<string, Map<number, unknown>>;

/** A store in memory: for programs that need none, and where the browser keeps nothing. Transactions run one after another. */
export class MemoryStore implements Store {
  readonly persistent = false;
  readonly shared = false;
  readonly #rows = new Map<Table, Rows>(TABLES.map((table) => [table, new Map()]));
  readonly #ordered = new Map<Table, Ordered>(TABLES.map((table) => [table, new Map()]));
  readonly #failures = new Emitter<StoreFailure>();
  #last: Promise<unknown> = Promise.resolve();

  transaction<T>(_tables: readonly Table[], _options: TxOptions, work: (tx: Tx) => Promise<T>): Promise<T> {
    const turn = this.#last.then(async () => {
      const undo: (() => void)[] = [];
      try {
        return await work(new MemoryTx(this.#rows, this.#ordered, undo));
      } catch (error) {
        for (const back of undo.reverse()) back();
        throw error;
      }
    });
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  onFailure(listener: (why: StoreFailure) => void): () => void {
    return this.#failures.on(listener);
  }

  close(): void {}
}

class MemoryTx implements Tx {
  readonly #rows: Map<Table, Rows>;
  readonly #ordered: Map<Table, Ordered>;
  readonly #undo: (() => void)[];

  constructor(rows: Map<Table, Rows>, ordered: Map<Table, Ordered>, undo: (() => void)[]) {
    this.#rows = rows;
    this.#ordered = ordered;
    this.#undo = undo;
  }

  async get(table: Table, key: Key): Promise<unknown> {
    return typeof key === 'string' ? this.#of(table).get(key) : this.#named(table, key[0]).get(key[1]);
  }

  put(table: Table, key: Key, value: unknown): void {
    if (typeof key === 'string') this.#replace(this.#of(table), key, value);
    else this.#replace(this.#named(table, key[0]), key[1], value);
  }

  delete(table: Table, key: Key): void {
    if (typeof key === 'string') this.#replace(this.#of(table), key, undefined);
    else this.#replace(this.#named(table, key[0]), key[1], undefined);
  }

  async all(table: Table): Promise<unknown[]> {
    return [...this.#of(table).values()];
  }

  async range(table: Table, { name, from, to, begin, limit }: Range): Promise<Entry[]> {
    const rows = [...this.#named(table, name)].filter(([at]) => at >= from && at <= to);
    rows.sort(([a], [b]) => (begin === 'first' ? a - b : b - a));
    return rows.slice(0, limit).map(([at, value]) => ({ at, value }));
  }

  deleteRange(table: Table, name: string, below: number = Number.POSITIVE_INFINITY): void {
    const rows = this.#named(table, name);
    for (const at of [...rows.keys()]) if (at < below) this.#replace(rows, at, undefined);
  }

  async count(table: Table): Promise<number> {
    let count = this.#of(table).size;
    for (const rows of this.#ordered.get(table)?.values() ?? []) count += rows.size;
    return count;
  }

  clear(table: Table): void {
    const rows = this.#of(table);
    for (const key of [...rows.keys()]) this.#replace(rows, key, undefined);
    for (const name of this.#ordered.get(table)?.keys() ?? []) this.deleteRange(table, name);
  }

  #of(table: Table): Rows {
    return this.#rows.get(table) ?? new Map();
  }

  #named(table: Table, name: string): Map<number, unknown> {
    const names = this.#ordered.get(table);
    let rows = names?.get(name);
    if (rows === undefined) {
      rows = new Map();
      names?.set(name, rows);
    }
    return rows;
  }

  #replace<K>(rows: Map<K, unknown>, key: K, value: unknown): void {
    const before = rows.get(key);
    this.#undo.push(() => (before === undefined ? rows.delete(key) : rows.set(key, before)));
    if (value === undefined) rows.delete(key);
    else rows.set(key, value);
  }
}
