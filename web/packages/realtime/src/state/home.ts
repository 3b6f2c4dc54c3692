import type { SessionId } from '../api/ids.ts';
import type { LastWords, Store, Table, Tx, TxOptions } from '../store/store.ts';
import type { Bus } from '../tabs/bus.ts';
import type { Change } from './change.ts';
import type { SessionRecord } from './records.ts';

/** The store belongs to another session now, another tab holds the socket, or a reset came between: nothing was written. */
export class FencedError extends Error {
  override readonly name = 'FencedError';
}

/** The store as one session may use it: what belongs to another is neither read nor written. */
export class Home {
  readonly store: Store;
  readonly #sessionId: SessionId;
  readonly #bus: Bus;

  constructor(store: Store, sessionId: SessionId, bus: Bus) {
    this.store = store;
    this.#sessionId = sessionId;
    this.#bus = bus;
  }

  /** A transaction that is refused with {@link FencedError} when the session is over, or `term` is. */
  transaction<T>(tables: readonly Table[], options: TxOptions, work: (tx: Tx) => Promise<T>, term?: number): Promise<T> {
    const all = tables.includes('meta') ? tables : (['meta', ...tables] as const);
    return this.store.transaction(all, options, async (tx) => {
      const session = (await tx.get('meta', 'session')) as SessionRecord | undefined;
      if (session?.sessionId !== this.#sessionId) throw new FencedError('the session is over');
      if (term !== undefined && (await tx.get('meta', 'term')) !== term) throw new FencedError('another tab holds the socket');
      return work(tx);
    });
  }

  /** How often something was missed, or the log began anew: what was asked for before the last time says nothing. */
  logGen(): Promise<number> {
    return this.transaction(['meta'], {}, readLogGen);
  }

  /** As `transaction`, refused when a reset came since `log` was read. */
  inLog<T>(log: number, tables: readonly Table[], work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.transaction(tables, { write: true }, async (tx) => {
      if ((await readLogGen(tx)) !== log) throw new FencedError('a reset came between');
      return work(tx);
    });
  }

  /** See {@link Store.hurry}. */
  hurry(words: LastWords): () => void {
    return this.store.hurry?.(this.#sessionId, words) ?? (() => undefined);
  }

  /** Tells all tabs of the session, this one included, what changed. */
  publish(change: Change): void {
    this.#bus.post({ is: 'change', sessionId: this.#sessionId, change });
  }
}

/** See `Home.logGen`. */
export async function readLogGen(tx: Tx): Promise<number> {
  return ((await tx.get('meta', 'logGen')) as number | undefined) ?? 0;
}
