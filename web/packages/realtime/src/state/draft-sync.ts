import { ApiError } from '../api/errors.ts';
import type { ConversationId } from '../api/ids.ts';
import type { RestClient } from '../rest/client.ts';
import type { Tx } from '../store/store.ts';
import { Timer } from '../util/timer.ts';
import { isKnownEvent } from '../wire/events.ts';
import type { Change } from './change.ts';
import type { Home } from './home.ts';

/** Milliseconds without a change until a draft goes to the server. */
const TELL_AFTER_MS = 2000;
/** Milliseconds until a request that failed for now is repeated. */
const AGAIN_MS = 10_000;
/** Conversations of which the version is remembered. */
const MOST_KNOWN = 2000;

/** What is known of a draft: the server's version that is here, and whether what is here is newer than that. */
interface Known {
  readonly version: number;
  readonly dirty?: boolean;
}
export type DraftBook = Readonly<Record<ConversationId, Known>>;
/** Where in `meta` it is. */
const BOOK = 'draftBook';

/** Whether it is a conversation's draft. Others, such as those of threads, are kept on this device alone. */
function isTold(id: string): boolean {
  return !id.includes('/');
}

/** Notes, in the transaction that stores these drafts, that the server does not have them. */
export async function noteUntold(tx: Tx, ids: readonly ConversationId[]): Promise<void> {
  const book = await readBook(tx);
  const fresh = Object.fromEntries(ids.filter(isTold).map((id) => [id, { version: book[id]?.version ?? 0, dirty: true }]));
  tx.put('meta', BOOK, { ...book, ...fresh });
}

async function readBook(tx: Tx): Promise<DraftBook> {
  return ((await tx.get('meta', BOOK)) as DraftBook | undefined) ?? {};
}

/** The book with one page more; of those with nothing to tell the oldest versions give way. */
function written(book: DraftBook, id: ConversationId, known: Known): DraftBook {
  const all = Object.entries({ ...book, [id]: known });
  if (all.length <= MOST_KNOWN) return Object.fromEntries(all);
  const clean = all.filter(([, { dirty }]) => !dirty).sort(([, a], [, b]) => a.version - b.version);
  const gone = new Set(clean.slice(0, all.length - MOST_KNOWN).map(([other]) => other));
  return Object.fromEntries(all.filter(([other]) => !gone.has(other)));
}

/**
 * Drafts on all of the person's devices: what is written here goes to the server once the person pauses, what another device wrote later
 * takes its place here. What is here and was not told yet is never replaced.
 */
export class DraftSync {
  readonly #home: Home;
  readonly #rest: RestClient;
  readonly #timers = new Map<ConversationId, Timer>();
  readonly #busy = new Set<ConversationId>();
  #stopped = false;

  constructor(home: Home, rest: RestClient) {
    this.#home = home;
    this.#rest = rest;
  }

  stop(): void {
    this.#stopped = true;
    for (const timer of this.#timers.values()) timer.stop();
    this.#timers.clear();
  }

  /** Drafts were stored here. An emptied one was sent: other devices learn it at once. */
  stored(drafts: readonly (readonly [ConversationId, string])[]): void {
    for (const [id, text] of drafts) if (isTold(id)) this.#plan(id, text === '' ? 0 : TELL_AFTER_MS);
  }

  /** Another device wrote something. */
  heed(change: Change): void {
    for (const event of change.events ?? []) {
      if (isKnownEvent(event) && event.type === 'DRAFT_CHANGED') this.#take(event.conversation_id, event.version).catch(() => undefined);
    }
  }

  /** The connection is back: what was not told is told, and what was missed is read. */
  async catchUp(): Promise<void> {
    const [book, stored] = await this.#home.transaction(['meta', 'drafts'], {}, async (tx) => [
      await readBook(tx),
      (await tx.all('drafts')) as [ConversationId, string][],
    ]);
    for (const [id, { dirty }] of Object.entries(book)) if (dirty) this.#plan(id, 0);
    const theirs = new Map((await this.#rest.drafts()).map(({ conversation_id, version }) => [conversation_id, version]));
    for (const [id, version] of theirs) await this.#take(id, version);
    // Here, and told once, and not there: emptied elsewhere, or left. A build of before told nothing.
    for (const [id] of stored) {
      if (theirs.has(id) || !isTold(id)) continue;
      if (book[id] === undefined) await this.#home.transaction(['meta'], { write: true }, (tx) => noteUntold(tx, [id]));
      if (book[id] === undefined) this.#plan(id, 0);
      else if (!book[id].dirty) await this.#take(id, Number.POSITIVE_INFINITY);
    }
  }

  #plan(id: ConversationId, afterMs: number): void {
    if (this.#stopped) return;
    let timer = this.#timers.get(id);
    if (timer === undefined) {
      timer = new Timer();
      this.#timers.set(id, timer);
    }
    timer.start(afterMs, () => void this.#tell(id));
  }

  async #tell(id: ConversationId): Promise<void> {
    if (this.#stopped) return;
    if (this.#busy.has(id)) return this.#plan(id, TELL_AFTER_MS);
    this.#busy.add(id);
    this.#timers.delete(id);
    try {
      const text = await this.#home.transaction(['meta', 'drafts'], {}, async (tx) =>
        (await readBook(tx))[id]?.dirty ? textOf(await tx.get('drafts', id)) : null,
      );
      if (text === null) return;
      const { version } = await this.#rest.putDraft(id, text);
      await this.#home.transaction(['meta', 'drafts'], { write: true }, async (tx) => {
        // What was written meanwhile is told by its own turn.
        const dirty = textOf(await tx.get('drafts', id)) !== text;
        const book = await readBook(tx);
        const known = { version: Math.max(version, book[id]?.version ?? 0) };
        tx.put('meta', BOOK, written(book, id, dirty ? { ...known, dirty } : known));
      });
    } catch (error) {
      // Refused for good: it stays here, and is told with its next change.
      if (error instanceof ApiError && error.retryable) this.#plan(id, Math.max(error.retryAfterMs ?? 0, AGAIN_MS));
    } finally {
      this.#busy.delete(id);
    }
  }

  /** Reads a draft of that version, unless it is here, or something newer is. */
  async #take(id: ConversationId, version: number): Promise<void> {
    const isOlder = ({ version: here, dirty }: Known = { version: 0 }) => dirty === true || version <= here;
    // One's own word may come before the answer to it.
    if (this.#stopped || this.#busy.has(id)) return;
    if (isOlder(await this.#home.transaction(['meta'], {}, async (tx) => (await readBook(tx))[id]))) return;
    const draft = await this.#rest.draft(id);
    const taken = await this.#home.transaction(['meta', 'drafts'], { write: true }, async (tx) => {
      const book = await readBook(tx);
      if (isOlder(book[id]) || draft.version < (book[id]?.version ?? 0)) return false;
      tx.put('meta', BOOK, written(book, id, { version: Number.isFinite(version) ? Math.max(version, draft.version) : draft.version }));
      if (textOf(await tx.get('drafts', id)) === draft.text) return false;
      if (draft.text === '') tx.delete('drafts', id);
      else tx.put('drafts', id, [id, draft.text]);
      return true;
    });
    if (taken) this.#home.publish({ drafts: [[id, draft.text]] });
  }
}

/** The text of a stored draft. */
function textOf(stored: unknown): string {
  return (stored as [ConversationId, string] | undefined)?.[1] ?? '';
}
