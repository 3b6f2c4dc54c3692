import { ApiError } from '../api/errors.ts';
import type { ConversationId } from '../api/ids.ts';
import type { RestClient } from '../rest/client.ts';
import type { SyncAnswer } from '../rest/types.ts';
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
/** A draft as an answer has it; a long one without its text. */
interface Said {
  readonly conversation_id: ConversationId;
  readonly version: number;
  readonly text?: string;
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
  /** Versions that were told while one's own was on its way. */
  readonly #missed = new Map<ConversationId, number>();
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

  /**
   * The connection is back: what was not told is told, and what was missed is taken from the answer, or read where it has none. What cannot
   * be read of one conversation holds up no other.
   */
  async catchUp(answer: SyncAnswer | null = null): Promise<void> {
    const [book, stored] = await this.#home.transaction(['meta', 'drafts'], {}, async (tx) => [
      await readBook(tx),
      (await tx.all('drafts')) as [ConversationId, string][],
    ]);
    for (const [id, { dirty }] of Object.entries(book)) if (dirty) this.#plan(id, 0);
    const said: readonly Said[] = answer?.drafts ?? (await this.#rest.drafts());
    for (const draft of said) await this.#try(draft.conversation_id, draft.version, draft);
    if (answer !== null && !answer.full) return;
    const theirs = new Set(said.map(({ conversation_id }) => conversation_id));
    // Here, and told once, and not there: emptied elsewhere, or left. A build of before told nothing.
    for (const [id] of stored) {
      if (theirs.has(id) || !isTold(id)) continue;
      if (book[id] === undefined) await this.#home.transaction(['meta'], { write: true }, (tx) => noteUntold(tx, [id]));
      if (book[id] === undefined) this.#plan(id, 0);
      else if (!book[id].dirty) await this.#try(id, Number.POSITIVE_INFINITY);
    }
  }

  /** As `#take`; a refusal for good says that there is nothing to take. */
  async #try(id: ConversationId, version: number, said?: Said): Promise<void> {
    try {
      await this.#take(id, version, said);
    } catch (error) {
      if (!(error instanceof ApiError) || error.retryable) throw error;
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
      const missed = this.#missed.get(id);
      this.#missed.delete(id);
      if (missed !== undefined) this.#take(id, missed).catch(() => undefined);
    }
  }

  /** Takes a draft of that version, unless it is here, or something newer is. It is read where it was not said. */
  async #take(id: ConversationId, version: number, said?: Said): Promise<void> {
    const isOlder = ({ version: here, dirty }: Known = { version: 0 }) => dirty === true || version <= here;
    if (this.#stopped) return;
    // One's own word may come before the answer to it; whether it is one's own shows when that is there.
    if (this.#busy.has(id)) return void this.#missed.set(id, Math.max(version, this.#missed.get(id) ?? 0));
    if (isOlder(await this.#home.transaction(['meta'], {}, async (tx) => (await readBook(tx))[id]))) return;
    const draft = said?.text === undefined ? await this.#rest.draft(id) : { version: said.version, text: said.text };
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
