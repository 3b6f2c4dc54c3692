import type { SessionId } from '../api/ids.ts';
import type { SessionKeeper } from '../session/tokens.ts';
import type { SessionRecord } from '../state/records.ts';
import { type Store, TABLES } from '../store/store.ts';

/** The session in a store, and what goes with it. */
export class Vault implements SessionKeeper {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  read(): Promise<SessionRecord | null> {
    return this.#store.transaction(['meta'], {}, async (tx) => ((await tx.get('meta', 'session')) as SessionRecord | undefined) ?? null);
  }

  keep(session: SessionRecord, refreshToken: string): Promise<boolean> {
    return this.#store.transaction(['meta'], { write: true, strict: true }, async (tx) => {
      const stored = (await tx.get('meta', 'session')) as SessionRecord | undefined;
      if (stored?.sessionId !== session.sessionId) return false;
      tx.put('meta', 'session', { ...stored, refreshToken } satisfies SessionRecord);
      return true;
    });
  }

  /** Names may change; the rest of a session does not. */
  rename(sessionId: SessionId, handle: string, displayName: string): Promise<void> {
    return this.#store.transaction(['meta'], { write: true }, async (tx) => {
      const stored = (await tx.get('meta', 'session')) as SessionRecord | undefined;
      if (stored?.sessionId === sessionId) tx.put('meta', 'session', { ...stored, handle, displayName } satisfies SessionRecord);
    });
  }

  /** The store belongs to this session from now on; what another left is gone. */
  begin(session: SessionRecord): Promise<void> {
    return this.#store.transaction(TABLES, { write: true, strict: true }, async (tx) => {
      const term = ((await tx.get('meta', 'term')) as number | undefined) ?? 0;
      for (const table of TABLES) tx.clear(table);
      tx.put('meta', 'session', session);
      // A tab that was writing for somebody else finds that its term is over.
      tx.put('meta', 'term', term + 1);
    });
  }

  /** Everything goes, if it is this session's. Whether it was. */
  wipe(sessionId: SessionId): Promise<boolean> {
    return this.#store.transaction(TABLES, { write: true, strict: true }, async (tx) => {
      const stored = (await tx.get('meta', 'session')) as SessionRecord | undefined;
      if (stored !== undefined && stored.sessionId !== sessionId) return false;
      const term = ((await tx.get('meta', 'term')) as number | undefined) ?? 0;
      for (const table of TABLES) tx.clear(table);
      tx.put('meta', 'term', term + 1);
      return true;
    });
  }
}

/**
 * The keeper of a session whose store failed on the way. Other tabs may go on with that store, so its refresh token is the one to use
 * as long as it can be read. Where the successor cannot be stored it is not used either: what the store has then stays good.
 */
export class LeftKeeper implements SessionKeeper {
  readonly #left: Vault;
  #session: SessionRecord;

  constructor(left: Vault, session: SessionRecord) {
    this.#left = left;
    this.#session = session;
  }

  async read(): Promise<SessionRecord> {
    const stored = await this.#left.read().catch(() => null);
    if (stored?.sessionId === this.#session.sessionId) this.#session = stored;
    return this.#session;
  }

  async keep(session: SessionRecord, refreshToken: string): Promise<boolean> {
    if (await this.#left.keep(session, refreshToken).catch(() => false)) this.#session = { ...this.#session, refreshToken };
    return true;
  }
}
