import './stores.ts';
import { openDB } from 'idb';
import { expect, test, vi } from 'vitest';
import { openIndexedDb } from '../src/store/indexeddb.ts';
import { StoreError, TABLES } from '../src/store/store.ts';
import { newName } from './stores.ts';

test('what was stored is there when it is opened again', async () => {
  const name = newName();
  const first = await openIndexedDb(name);
  await first.transaction(['meta'], { write: true, strict: true }, async (tx) => tx.put('meta', 'x', { y: 1 }));
  first.close();
  const second = await openIndexedDb(name);
  expect(await second.transaction(['meta'], {}, (tx) => tx.get('meta', 'x'))).toEqual({ y: 1 });
});

test('a store of a newer build is opened as it is', async () => {
  const name = newName();
  const newer = await openDB(name, 9, {
    upgrade(db) {
      for (const table of [...TABLES, 'reactions']) db.createObjectStore(table);
    },
  });
  await newer.put('drafts', ['c', 'unsent'], 'c');
  newer.close();
  const older = await openIndexedDb(name);
  expect(await older.transaction(['drafts'], {}, (tx) => tx.all('drafts'))).toEqual([['c', 'unsent']]);
});

test('a newer build takes the store over, and the old one is told', async () => {
  const name = newName();
  const old = await openIndexedDb(name);
  const told = vi.fn();
  old.onFailure(told);
  const newer = await openDB(name, 9);
  expect(told).toHaveBeenCalledExactlyOnceWith('outdated');
  await expect(old.transaction(['meta'], {}, (tx) => tx.get('meta', 'x'))).rejects.toMatchObject({ why: 'outdated' });
  newer.close();
});

test('a store of a newer build without the known tables is refused', async () => {
  const name = newName();
  (await openDB(name, 9, { upgrade: (db) => void db.createObjectStore('other') })).close();
  await expect(openIndexedDb(name)).rejects.toBeInstanceOf(StoreError);
});

test('a value that cannot be stored fails alone: the store goes on', async () => {
  const store = await openIndexedDb(newName());
  const told = vi.fn();
  store.onFailure(told);
  const put = (value: unknown): Promise<void> => store.transaction(['meta'], { write: true }, async (tx) => tx.put('meta', 'x', value));
  await expect(put(() => undefined)).rejects.toMatchObject({ why: 'failed' });
  await put(1);
  expect(told).not.toHaveBeenCalled();
});

/** A page's `localStorage`. */
function pageStorage(): Map<string, string> {
  const kept = new Map<string, string>();
  vi.stubGlobal('document', {});
  vi.stubGlobal('localStorage', {
    get length() {
      return kept.size;
    },
    key: (n: number) => [...kept.keys()][n] ?? null,
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => kept.set(key, value),
    removeItem: (key: string) => kept.delete(key),
  });
  return kept;
}

test('what a page kept with its last breath is written by the next one, for the same session only', async () => {
  const kept = pageStorage();
  try {
    const name = newName();
    const first = await openIndexedDb(name);
    await first.transaction(['meta', 'drafts'], { write: true }, async (tx) => {
      tx.put('meta', 'session', { sessionId: 's' });
      tx.put('drafts', 'sent', ['sent', 'was sent']);
    });
    first.hurry?.('s', { writes: [{ table: 'drafts', key: 'c', value: ['c', 'half'] }] });
    first.hurry?.('s', {
      writes: [
        { table: 'drafts', key: 'c', value: ['c', 'half a thought'] },
        { table: 'drafts', key: 'sent' },
      ],
    });
    first.hurry?.('another', { writes: [{ table: 'outbox', key: 'm', value: { clientId: 'm' } }] });
    const arrived = first.hurry?.('s', { writes: [{ table: 'outbox', key: 'n', value: { clientId: 'n' } }] });
    arrived?.();
    kept.set(`${name}:last:broken`, '{');
    first.close();
    const second = await openIndexedDb(name);
    expect(await second.transaction(['drafts'], {}, (tx) => tx.all('drafts'))).toEqual([['c', 'half a thought']]);
    expect(await second.transaction(['outbox'], {}, (tx) => tx.all('outbox'))).toEqual([]);
    expect(kept.size).toBe(0);
    second.close();
  } finally {
    vi.unstubAllGlobals();
  }
});
