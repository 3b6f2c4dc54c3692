import type { ConversationSettings } from '../api/conversations.ts';
import { ApiError } from '../api/errors.ts';
import type { ConversationId, Seq } from '../api/ids.ts';
import type { ConversationPage, RestClient } from '../rest/client.ts';
import { settingsFor } from '../rest/settings.ts';
import type { ConversationListItem, RestMessage, SyncAnswer } from '../rest/types.ts';
import { forgetHistory } from '../store/history.ts';
import { Backoff } from '../util/backoff.ts';
import { Timer } from '../util/timer.ts';
import type { MessageSent } from '../wire/events.ts';
import { isFenced } from './applier.ts';
import { beginningOf } from './apply.ts';
import { type Home, readLogGen } from './home.ts';
import { type ConversationRecord, GONE } from './records.ts';
import { addUntold } from './untold.ts';

/** Rows of a page. */
const PAGE = 100;
/** Rows of a page that is read because something unknown happened. */
const TOP = 20;
/** Pages that are looked through for a conversation of which an event spoke. */
const MOST_TOP_PAGES = 3;
/** Milliseconds in which what is unknown gathers. */
const GATHER_MS = 50;
/** The lists that make up what a person has. */
const PARTS = [{ state: 'accepted' }, { state: 'accepted', archived: true }, { state: 'request' }] as const;
/** Where in `meta` the token of the last answer is. */
const TOKEN = 'syncToken';

/** What came with an answer besides the list; null where the server has no such answer. */
type Synced = (answer: SyncAnswer | null) => void;

/**
 * Keeps the list of conversations as the server has it: all of it once, what changed since after each connection, and the top when an
 * event says too little.
 */
export class ListSync {
  readonly #home: Home;
  readonly #rest: RestClient;
  readonly #onUntold: () => void;
  readonly #onSynced: Synced;
  readonly #backoff = new Backoff(500, 30_000);
  readonly #again = new Timer();
  readonly #gather = new Timer();
  #unknown = new Set<ConversationId>();
  #waiting: (() => void)[] = [];
  #reading: Promise<void> | null = null;
  /** A connection is back, and what changed meanwhile was not asked for yet. */
  #isStale = false;
  /** The server is of before. */
  #isOlder = false;
  #stopped = false;

  /** `onUntold`: the server's read marks are behind the ones here. */
  constructor(home: Home, rest: RestClient, onUntold: () => void, onSynced: Synced) {
    this.#home = home;
    this.#rest = rest;
    this.#onUntold = onUntold;
    this.#onSynced = onSynced;
  }

  stop(): void {
    this.#stopped = true;
    this.#again.stop();
    this.#gather.stop();
    for (const tell of this.#waiting.splice(0)) tell();
  }

  /** Reads the whole list if it was never read to its end, or has to be read again; else what changed while there was no connection. */
  async ensure(): Promise<void> {
    if (!(await this.#isWhole())) await this.all();
    else if (this.#isStale) await this.#share(() => this.#changes());
  }

  /** The connection is back. */
  catchUp(): void {
    this.#isStale = true;
    this.keepTrying();
  }

  #isWhole(): Promise<boolean> {
    return this.#home.transaction(['meta'], {}, async (tx) => {
      const gen = (await tx.get('meta', 'listGen')) as number | undefined;
      return gen !== undefined && (await tx.get('meta', 'listDone')) === gen;
    });
  }

  /** Reads the whole list, page by page. What is not in it is not the person's any more. Calls meanwhile share one reading. */
  all(): Promise<void> {
    return this.#share(() => this.#all());
  }

  #share(read: () => Promise<void>): Promise<void> {
    this.#reading ??= read().finally(() => {
      this.#reading = null;
    });
    return this.#reading;
  }

  /** As `ensure`, tried again with growing delays until it works. */
  keepTrying(): void {
    if (this.#stopped) return;
    const again = (afterMs: number | null): void => this.#again.start(this.#backoff.nextDelayMs(afterMs), () => this.keepTrying());
    this.ensure()
      .then(() => this.#isWhole())
      .then(
        (isWhole) => {
          // Not so when a reset, or another tab's reading, came between.
          if (isWhole) this.#backoff.reset();
          else if (!this.#stopped) again(null);
        },
        (error: unknown) => {
          if (this.#stopped || isFenced(error)) return;
          // What goes with the list does not wait for one that cannot be read.
          if (error instanceof ApiError && !error.retryable) return this.#tell(null);
          again(error instanceof ApiError ? error.retryAfterMs : null);
        },
      );
  }

  /** Events spoke of these conversations and said too little. Resolves when they were looked for once, found or not. */
  want(ids: ReadonlySet<ConversationId>): Promise<void> {
    if (this.#stopped) return Promise.resolve();
    for (const id of ids) this.#unknown.add(id);
    const looked = new Promise<void>((resolve) => this.#waiting.push(resolve));
    if (!this.#gather.pending) this.#gather.start(GATHER_MS, () => void this.#top());
    return looked;
  }

  /** `said`: an answer that has all of it already. */
  async #all(said: SyncAnswer | null = null): Promise<void> {
    const gen = await this.#home.transaction(['meta'], { write: true }, async (tx) => {
      const next = (((await tx.get('meta', 'listGen')) as number | undefined) ?? 0) + 1;
      tx.put('meta', 'listGen', next);
      return next;
    });
    const first = said ?? (await this.#ask());
    for (const part of PARTS) {
      let cursor: string | null = null;
      if (first !== null) {
        const [rows, next] = partOf(first, part);
        if (!(await this.#keep(rows, part.state, gen))) return;
        if (next === null) continue;
        cursor = next;
      }
      do {
        const page = await this.#page(part, PAGE, cursor);
        // A later reading has begun, or a reset: this one says nothing any more.
        if (!(await this.#keep(page.conversations, part.state, gen))) return;
        cursor = page.next === cursor ? null : page.next;
      } while (cursor !== null && !this.#stopped);
    }
    if (this.#stopped || !(await this.#finish(gen, first?.token ?? null))) return;
    this.#tell(first);
  }

  /** What changed since the last answer. A list that was read without one is read once more. */
  async #changes(): Promise<void> {
    const { log, token } = await this.#home.transaction(['meta'], {}, async (tx) => ({
      log: await readLogGen(tx),
      token: (await tx.get('meta', TOKEN)) as string | undefined,
    }));
    const answer = await this.#ask(token);
    if (answer === null) return this.#tell(null);
    if (answer.full) return this.#all(answer);
    if (!(await this.#keep(answer.conversations, 'accepted', null, log))) return;
    const removed = await this.#home.inLog(log, ['meta', 'conversations', 'spans', 'pages'], async (tx) => {
      const gone: ConversationId[] = [];
      for (const id of answer.gone ?? []) {
        const record = (await tx.get('conversations', id)) as ConversationRecord | undefined;
        // What one has left stays on the screen as such until the list is read anew.
        if (record === undefined || record.state === GONE) continue;
        tx.delete('conversations', id);
        forgetHistory(tx, id, null);
        gone.push(id);
      }
      tx.put('meta', TOKEN, answer.token);
      return gone;
    });
    if (removed.length > 0) this.#home.publish({ removed });
    this.#tell(answer);
  }

  #tell(answer: SyncAnswer | null): void {
    if (!this.#isStale || this.#stopped) return;
    this.#isStale = false;
    this.#onSynced(answer);
  }

  /** Null where the server has no such answer. */
  async #ask(token?: string): Promise<SyncAnswer | null> {
    if (this.#isOlder) return null;
    try {
      return await this.#rest.sync(token);
    } catch (error) {
      if (!(error instanceof ApiError) || error.retryable) throw error;
      // A token that the server does not take any more is worth nothing; an older server has no such path.
      if (token !== undefined && error.code === 'invalid_field') return this.#ask();
      this.#isOlder = error.code === 'not_found';
      if (!this.#isOlder) throw error;
      return null;
    }
  }

  /** A server of before has no archived part, and takes none. */
  async #page(part: (typeof PARTS)[number], limit: number, cursor: string | null): Promise<ConversationPage> {
    try {
      return await this.#rest.conversations({ ...part, limit, ...(cursor === null ? {} : { cursor }) });
    } catch (error) {
      const isBefore = 'archived' in part && cursor === null && error instanceof ApiError && error.code === 'invalid_field';
      if (isBefore) return { conversations: [], next: null };
      throw error;
    }
  }

  async #top(): Promise<void> {
    const wanted = this.#unknown;
    const waiting = this.#waiting;
    this.#unknown = new Set();
    this.#waiting = [];
    try {
      const log = await this.#home.logGen();
      for (const part of PARTS) {
        let cursor: string | null = null;
        for (let n = 0; n < MOST_TOP_PAGES && wanted.size > 0; n += 1) {
          const page = await this.#page(part, TOP, cursor);
          await this.#keep(page.conversations, part.state, null, log);
          for (const item of page.conversations) wanted.delete(item.conversation_id);
          cursor = page.next;
          if (cursor === null) break;
        }
      }
      this.#backoff.reset();
    } catch (error) {
      if (this.#stopped || isFenced(error) || (error instanceof ApiError && !error.retryable)) return;
      for (const id of wanted) this.#unknown.add(id);
      this.#gather.start(this.#backoff.nextDelayMs(error instanceof ApiError ? error.retryAfterMs : null), () => void this.#top());
    } finally {
      for (const tell of waiting) tell();
    }
  }

  /**
   * `gen`: the reading of the whole list that it belongs to, if any. Whether that is still the last one. `log`: the one in which it
   * was asked for, if the reading does not say so.
   */
  async #keep(items: readonly ConversationListItem[], state: string, gen: number | null, log: number | null = null): Promise<boolean> {
    const untold = new Map<ConversationId, Seq>();
    const conversations = await this.#home.transaction(['meta', 'conversations'], { write: true }, async (tx) => {
      const present = ((await tx.get('meta', 'listGen')) as number | undefined) ?? 0;
      if (gen !== null && gen !== present) return null;
      if (log !== null && log !== (await readLogGen(tx))) return null;
      const changed: ConversationRecord[] = [];
      const known = await Promise.all(items.map((item) => tx.get('conversations', item.conversation_id)));
      let above = 0;
      for (const [n, item] of items.entries()) {
        const record = recordOf(item, state, (known[n] as ConversationRecord | undefined) ?? null, present, above);
        above = record.activityMs;
        tx.put('conversations', record.id, record);
        changed.push(record);
        if (record.readSeq > item.read_seq && record.state !== GONE) untold.set(record.id, record.readSeq);
      }
      if (untold.size > 0) await addUntold(tx, untold);
      return changed;
    });
    if (conversations === null) return false;
    this.#home.publish({ conversations });
    if (untold.size > 0) this.#onUntold();
    return true;
  }

  /** Rows that the reading did not see are gone. Whether it is still the last reading. */
  async #finish(gen: number, token: string | null): Promise<boolean> {
    const removed = await this.#home.transaction(['meta', 'conversations', 'spans', 'pages'], { write: true }, async (tx) => {
      if ((await tx.get('meta', 'listGen')) !== gen) return null;
      const all = (await tx.all('conversations')) as ConversationRecord[];
      const gone = all.filter((record) => record.gen < gen).map(({ id }) => id);
      for (const id of gone) {
        tx.delete('conversations', id);
        forgetHistory(tx, id, null);
      }
      tx.put('meta', 'listDone', gen);
      if (token === null) tx.delete('meta', TOKEN);
      else tx.put('meta', TOKEN, token);
      return gone;
    });
    if (removed !== null && removed.length > 0) this.#home.publish({ removed });
    return removed !== null;
  }
}

/** What an answer has of a part of the list, and where that goes on. */
function partOf(answer: SyncAnswer, part: (typeof PARTS)[number]): [ConversationListItem[], string | null] {
  if (part.state === 'request') return [answer.requests ?? [], answer.requests_cursor ?? null];
  if ('archived' in part) return [answer.archived ?? [], answer.archived_cursor ?? null];
  return [[...answer.conversations, ...(answer.pinned ?? [])], answer.next_cursor ?? null];
}

/** The row as the list says, except where events have said something newer. `above`: when the row before it was active. */
function recordOf(
  item: ConversationListItem,
  state: string,
  known: ConversationRecord | null,
  gen: number,
  above: number,
): ConversationRecord {
  const isOlder = known !== null && known.lastSeq > item.last_seq;
  if (isOlder && known.state === GONE) return { ...known, gen };
  const knowsBetter = isOlder || (known !== null && known.readSeq > item.read_seq);
  const last = item.last_message ? beginningOf(eventOf(item.last_message)) : null;
  return {
    id: item.conversation_id,
    kind: item.kind,
    title: isOlder ? known.title : (item.title ?? null),
    peer: item.peer ?? known?.peer ?? null,
    role: isOlder ? known.role : item.role,
    state: item.state ?? state,
    last: isOlder ? known.last : last,
    unread: knowsBetter ? known.unread : item.unread_count,
    unreadFrom: knowsBetter ? (known.unreadFrom ?? null) : (item.unread_from ?? null),
    readSeq: Math.max(item.read_seq, known?.readSeq ?? 0),
    lastSeq: Math.max(item.last_seq, known?.lastSeq ?? 0),
    // The list is in the order of activity and does not say when: the newest message is the best there is.
    activityMs: Math.max(last?.at_ms ?? 0, known?.activityMs ?? 0) || above,
    settings: newer(known?.settings, settingsFor(item.settings)),
    rev: (known?.rev ?? 0) + 1,
    gen,
  };
}

/** Of what an event and a list say, what was set later. */
function newer(known: ConversationSettings | undefined, said: ConversationSettings): ConversationSettings {
  return known !== undefined && known.version >= said.version ? known : said;
}

/** A message of REST as its event. */
export function eventOf(message: RestMessage): MessageSent {
  return {
    type: 'MESSAGE_SENT',
    chain: `c:${message.conversation_id}`,
    seq: message.seq,
    prev: message.prev ?? null,
    v: 1,
    conversation_id: message.conversation_id,
    actor_id: message.sender_id,
    at_ms: message.sent_at_ms,
    message_id: message.message_id,
    client_id: message.client_id,
    body: message.body,
    reply_to: message.reply_to ?? null,
    edited_seq: message.edited_seq ?? null,
    edited_at_ms: message.edited_at_ms ?? null,
    reactions: message.reactions ?? [],
    reacted_seq: message.reacted_seq ?? null,
    ...(message.thread ? { thread: message.thread } : {}),
    replies: message.replies ?? null,
  };
}
