import { ulid } from '../util/ulid.ts';
import type { LastWords, Table } from './store.ts';

/** What a page wrote that went away, and whose it is. */
interface Words extends LastWords {
  readonly sessionId: string;
}

/**
 * Keeps writes over the end of a page. A transaction that the database has not finished is taken back with the page that began it,
 * and nothing can be waited for there; `localStorage` is written at once. Whoever opens the store next writes them.
 */
export class LastWordsBox {
  readonly #prefix: string;
  readonly #area: Storage | null;

  constructor(name: string) {
    this.#prefix = `${name}:last:`;
    this.#area = area();
  }

  /** Keeps them. What is given back takes them away again: the database has them. */
  keep(sessionId: string, words: LastWords): () => void {
    const key = this.#prefix + ulid(Date.now());
    try {
      this.#area?.setItem(key, JSON.stringify({ ...words, sessionId } satisfies Words));
    } catch {
      // Full, or forbidden: the database may be quick enough.
    }
    return () => this.#area?.removeItem(key);
  }

  /** What was kept, the oldest first. */
  all(): { readonly key: string; readonly words: Words }[] {
    const keys = Array.from({ length: this.#area?.length ?? 0 }, (_, n) => this.#area?.key(n) ?? '');
    return keys
      .filter((key) => key.startsWith(this.#prefix))
      .sort()
      .flatMap((key) => {
        const words = read(this.#area?.getItem(key) ?? '');
        if (words === null) this.remove(key);
        return words === null ? [] : [{ key, words }];
      });
  }

  remove(key: string): void {
    this.#area?.removeItem(key);
  }

  /** Calls `told` when another page has kept some. */
  onKept(told: () => void): () => void {
    if (this.#area === null || typeof addEventListener === 'undefined') return () => undefined;
    const listener = ({ key, newValue }: StorageEvent): void => {
      if (newValue !== null && key?.startsWith(this.#prefix)) told();
    };
    addEventListener('storage', listener);
    return () => removeEventListener('storage', listener);
  }
}

function area(): Storage | null {
  try {
    return typeof document === 'undefined' ? null : globalThis.localStorage;
  } catch {
    return null;
  }
}

const TABLES: readonly Table[] = ['outbox', 'drafts'];

/** Other builds may have written other things. */
function read(text: string): Words | null {
  try {
    const words = JSON.parse(text) as Words;
    return Array.isArray(words.writes) && words.writes.every(({ table }) => TABLES.includes(table)) ? words : null;
  } catch {
    return null;
  }
}
