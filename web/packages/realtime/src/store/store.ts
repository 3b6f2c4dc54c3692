/**
 * The tables of a store. A changed shape of a table's values gets a new table, so that an older build finds what it knows.
 *
 * `meta`: single values by name. `conversations`: rows by id. `spans`: by conversation, which part of its history is complete.
 * `pages`: events by `[conversation, first seq]`, about 50 each. `outbox`: unsent messages by client id. `drafts`: texts by
 * conversation. `users`: profiles by id.
 */
export const TABLES = ['meta', 'conversations', 'spans', 'pages', 'outbox', 'drafts', 'users'] as const;
export type Table = (typeof TABLES)[number];

/** A key: a name, or a name and a number, ordered by both. */
export type Key = string | readonly [string, number];

/** A part of one name's keys, both ends included. */
export interface Range {
  name: string;
  from: number;
  to: number;
  /** `last` begins at the end of the range. */
  begin: 'first' | 'last';
  limit: number;
}

/** A row of a table with two-part keys. */
export interface Entry {
  readonly at: number;
  readonly value: unknown;
}

/**
 * A transaction. Inside, await nothing but its own methods: a browser's transaction ends when nothing of it is awaited. Values
 * are plain data and are not changed after they were put or given.
 */
export interface Tx {
  get(table: Table, key: Key): Promise<unknown>;
  put(table: Table, key: Key, value: unknown): void;
  delete(table: Table, key: Key): void;
  /** All values of a table with one-part keys. */
  all(table: Table): Promise<unknown[]>;
  /** Rows of a table with two-part keys, in the order of their numbers when `begin` is `first`, else backwards. */
  range(table: Table, range: Range): Promise<Entry[]>;
  /** Removes rows of one name in a table with two-part keys: those whose number is less than `below`, or all. */
  deleteRange(table: Table, name: string, below?: number): void;
  /** The number of rows. */
  count(table: Table): Promise<number>;
  clear(table: Table): void;
}

/** How a transaction is made. */
export interface TxOptions {
  write?: boolean;
  /** The data has to outlive a crash of the machine, not only of the program. */
  strict?: boolean;
}

/** Rows that are written without a look at what is there; one without a value is removed. */
export interface LastWords {
  readonly writes: readonly { readonly table: Table; readonly key: string; readonly value?: unknown }[];
}

/** Why a store cannot be used. */
export type StoreFailure = 'missing' | 'blocked' | 'quota' | 'newer_store' | 'outdated' | 'failed';

/** A store refused. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly why: StoreFailure;

  constructor(why: StoreFailure, cause?: unknown) {
    super(`the store cannot be used: ${why}`, cause === undefined ? undefined : { cause });
    this.why = why;
  }
}

/** Keeps a device's state: everything belongs to one person and one server. */
export interface Store {
  /** Whether state outlives the program. */
  readonly persistent: boolean;
  /** Whether other tabs see the same state. */
  readonly shared: boolean;
  /** Runs `work` in a transaction over `tables`: all or nothing. Rejects with {@link StoreError}, or what `work` threw. */
  transaction<T>(tables: readonly Table[], options: TxOptions, work: (tx: Tx) => Promise<T>): Promise<T>;
  /**
   * Keeps rows of a session that are on their way into the store, for a page that may be gone before they arrive: they are written
   * when the store is opened again, if it belongs to that session still. Call what is given back when they have arrived. A store
   * that the program does not outlive has none of it.
   */
  hurry?(sessionId: string, words: LastWords): () => void;
  /** Told when the store cannot be used any more, as when a newer version of the program takes it over. */
  onFailure(listener: (why: StoreFailure) => void): () => void;
  /** Lets go. */
  close(): void;
}
