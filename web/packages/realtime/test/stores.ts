import 'fake-indexeddb/auto';
import { openIndexedDb } from '../src/store/indexeddb.ts';
import { MemoryStore } from '../src/store/memory.ts';
import type { Store } from '../src/store/store.ts';

let made = 0;

/** Every kind of store, new and empty. */
export const stores: [string, () => Promise<Store>][] = [
  ['memory', async () => new MemoryStore()],
  ['IndexedDB', () => openIndexedDb(newName())],
];

export function newName(): string {
  made += 1;
  return `test-${made}`;
}
