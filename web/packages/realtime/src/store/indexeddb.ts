import { deleteDB, type IDBPDatabase, type IDBPTransaction, openDB } from 'idb';
import { Emitter } from '../util/emitter.ts';
import { LastWordsBox } from './last-words.ts';
import type { Entry, Key, LastWords, Range, Store, StoreFailure, Table, Tx, TxOptions } from './store.ts';
import { StoreError, TABLES } from './store.ts';

/** Rises with every new table. */
const VERSION = 1;
/** Milliseconds to wait for another tab that holds an older version open and does not let go. */
const BLOCKED_MS = 3000;
/** What a browser says of a key or a value. */
const OF_VALUES = ['DataError', 'DataCloneError', 'ConstraintError', 'TransactionInactiveError', 'ReadOnlyError'];

/**
 * Opens the store of one server in this browser. A store of a newer build is opened as it is, as long as it has the tables that
 * this build knows. Rejects with {@link StoreError}.
 */
export async function openIndexedDb(name: string): Promise<Store> {
  if (typeof indexedDB === 'undefined') throw new StoreError('missing');
  const store = new IndexedDbStore(name);
  try {
    await store.open(name, VERSION);
  } catch (error) {
    if (!isNamed(error, 'VersionError')) throw storeError(error);
    await store.open(name, undefined).catch((cause) => {
      throw storeError(cause);
    });
  }
  await store.takeLastWords();
  return store;
}

class IndexedDbStore implements Store {
  readonly persistent = true;
  readonly shared = true;
  readonly #failures = new Emitter<StoreFailure>();
  readonly #lastWords: LastWordsBox;
  readonly #offKept: () => void;
  #db: IDBPDatabase | null = null;

  constructor(name: string) {
    this.#lastWords = new LastWordsBox(name);
    // Of a page that is gone while this one stays.
    this.#offKept = this.#lastWords.onKept(() => void this.takeLastWords());
  }

  async open(name: string, version: number | undefined): Promise<void> {
    let waiting: ReturnType<typeof setTimeout> | undefined;
    const blocked = new Promise<never>((_, reject) => {
      waiting = setTimeout(() => reject(new StoreError('blocked')), BLOCKED_MS);
    });
    const opening = openDB(name, version, {
      upgrade(db) {
        for (const table of TABLES) if (!db.objectStoreNames.contains(table)) db.createObjectStore(table);
      },
      // A newer version of the program wants to upgrade: it gets the store, and this tab has to be loaded again.
      blocking: () => this.#fail('outdated'),
      terminated: () => this.#fail('failed'),
    });
    try {
      const db = await Promise.race([opening, blocked]);
      if (!TABLES.every((table) => db.objectStoreNames.contains(table))) {
        db.close();
        throw new StoreError('newer_store');
      }
      this.#db = db;
    } catch (error) {
      // Should it open after all, nobody uses it, and it must not stand in another's way.
      opening.then((db) => db.close()).catch(() => undefined);
      throw error;
    } finally {
      clearTimeout(waiting);
    }
  }

  async transaction<T>(tables: readonly Table[], { write = false, strict = false }: TxOptions, work: (tx: Tx) => Promise<T>): Promise<T> {
    if (this.#db === null) throw new StoreError('outdated');
    let tx: { readonly error: DOMException | null } | undefined;
    try {
      const opened = this.#db.transaction(tables, write ? 'readwrite' : 'readonly', { durability: strict ? 'strict' : 'relaxed' });
      tx = opened;
      // What the whole comes to is what is awaited below; this only says that the rejection is seen to.
      opened.done.catch(() => undefined);
      try {
        const result = await work(new IndexedDbTx(opened));
        await opened.done;
        return result;
      } catch (error) {
        try {
          opened.abort();
        } catch {
          // It had ended.
        }
        throw error;
      }
    } catch (error) {
      // After a failed request everything else says only that the transaction was aborted.
      const cause = isNamed(error, 'AbortError') ? (tx?.error ?? error) : error;
      if (cause instanceof DOMException) throw this.#told(storeError(cause));
      throw cause;
    }
  }

  hurry(sessionId: string, words: LastWords): () => void {
    return this.#lastWords.keep(sessionId, words);
  }

  /** Writes what pages kept that are gone. What is another session's is thrown away. */
  async takeLastWords(): Promise<void> {
    for (const { key, words } of this.#lastWords.all()) {
      try {
        await this.transaction(['meta', 'outbox', 'drafts'], { write: true, strict: true }, async (tx) => {
          const session = (await tx.get('meta', 'session')) as { sessionId?: string } | undefined;
          if (session?.sessionId !== words.sessionId) return;
          for (const write of words.writes) {
            if (write.value === undefined) tx.delete(write.table, write.key);
            else tx.put(write.table, write.key, write.value);
          }
        });
        this.#lastWords.remove(key);
      } catch {
        // Whoever opens the store next tries again.
      }
    }
  }

  onFailure(listener: (why: StoreFailure) => void): () => void {
    return this.#failures.on(listener);
  }

  close(): void {
    this.#offKept();
    this.#db?.close();
    this.#db = null;
  }

  #fail(why: StoreFailure): void {
    if (this.#db === null) return;
    // First told: what was typed last can still be put into a transaction, which closing waits for.
    this.#failures.emit(why);
    this.close();
  }

  #told(error: StoreError): StoreError {
    // A value that cannot be stored says nothing about the store.
    const isOurs = OF_VALUES.some((name) => isNamed(error.cause, name));
    if (error.why !== 'outdated' && !isOurs) this.#failures.emit(error.why);
    return error;
  }
}

// biome-ignore lint/suspicious/noExplicitAny: the wrapper's type wants a schema, and says nothing about modes.
type AnyTx = IDBPTransaction<any, any, any>;

class IndexedDbTx implements Tx {
  readonly #tx: AnyTx;

  constructor(tx: AnyTx) {
    this.#tx = tx;
  }

  get(table: Table, key: Key): Promise<unknown> {
    return this.#tx.objectStore(table).get(key as IDBValidKey);
  }

  put(table: Table, key: Key, value: unknown): void {
    ignored(this.#tx.objectStore(table).put?.(value, key as IDBValidKey));
  }

  delete(table: Table, key: Key): void {
    ignored(this.#tx.objectStore(table).delete?.(key as IDBValidKey));
  }

  all(table: Table): Promise<unknown[]> {
    return this.#tx.objectStore(table).getAll();
  }

  async range(table: Table, { name, from, to, begin, limit }: Range): Promise<Entry[]> {
    if (from > to) return [];
    const range = IDBKeyRange.bound([name, from], [name, to]);
    const rows: Entry[] = [];
    // A page holds about 50 events, so a cursor makes one or two steps for a screen.
    let cursor = await this.#tx.objectStore(table).openCursor(range, begin === 'first' ? 'next' : 'prev');
    while (cursor !== null && rows.length < limit) {
      rows.push({ at: (cursor.key as [string, number])[1], value: cursor.value as unknown });
      if (rows.length < limit) cursor = await cursor.continue();
    }
    return rows;
  }

  deleteRange(table: Table, name: string, below: number = Number.MAX_SAFE_INTEGER): void {
    ignored(this.#tx.objectStore(table).delete?.(IDBKeyRange.bound([name, 0], [name, below], false, true)));
  }

  count(table: Table): Promise<number> {
    return this.#tx.objectStore(table).count();
  }

  clear(table: Table): void {
    ignored(this.#tx.objectStore(table).clear?.());
  }
}

/** Removes the store of a server, whatever state it is in. Where that is not possible, nothing happens. */
export function removeIndexedDb(name: string): Promise<void> {
  return deleteDB(name, { blocked: () => undefined }).catch(() => undefined);
}

/** A request whose failure aborts the transaction, which says so. */
function ignored(request: Promise<unknown> | undefined): void {
  request?.catch(() => undefined);
}

function isNamed(error: unknown, name: string): boolean {
  return typeof error === 'object' && error !== null && (error as { name?: unknown }).name === name;
}

function storeError(error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  if (isNamed(error, 'QuotaExceededError')) return new StoreError('quota', error);
  // The connection was closed for a newer version.
  if (isNamed(error, 'InvalidStateError')) return new StoreError('outdated', error);
  if (isNamed(error, 'SecurityError')) return new StoreError('blocked', error);
  return new StoreError('failed', error);
}
