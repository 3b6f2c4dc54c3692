import type { RealtimeClient as Api } from './api/client.ts';
import type { ClientOptions } from './api/options.ts';
import { Client } from './client/client.ts';
import { baseOf } from './engine/settings.ts';
import { openIndexedDb, removeIndexedDb } from './store/indexeddb.ts';
import { MemoryStore } from './store/memory.ts';
import { type Store, StoreError } from './store/store.ts';

/** See {@link Api}. */
export type RealtimeClient = Api;

/** Opens clients. */
export const RealtimeClient = {
  /**
   * Opens the store and restores the session. Never waits for the network.
   * @throws TypeError where `apiBase` is no address
   */
  async open(options: ClientOptions): Promise<Api> {
    const isBrowser = typeof document !== 'undefined';
    const wanted = options.store ?? (isBrowser ? 'indexeddb' : 'memory');
    let failure: StoreError | null = null;
    let store: Store;
    const name = `relayhub:${baseOf(options)}`;
    if (typeof wanted === 'object') store = wanted;
    else if (wanted === 'memory') store = new MemoryStore();
    else {
      store = await openIndexedDb(name).catch((error: unknown) => {
        failure = error instanceof StoreError ? error : new StoreError('failed', error);
        return new MemoryStore();
      });
    }
    const locks = (globalThis.navigator as { locks?: LockManager } | undefined)?.locks ?? null;
    // Another tab that holds it has a session of its own.
    const isOurs = wanted === 'indexeddb' && (failure as StoreError | null)?.why !== 'blocked';
    const client = new Client({
      options,
      store,
      shareTabs: options.shareTabs ?? isBrowser,
      locks,
      ...(isOurs ? { eraseStore: () => removeIndexedDb(name) } : {}),
    });
    if (failure !== null) {
      const { why } = failure as StoreError;
      client.notice({ kind: 'memory_only', why: why === 'outdated' ? 'failed' : why });
    }
    await client.restore();
    return client;
  },
};
