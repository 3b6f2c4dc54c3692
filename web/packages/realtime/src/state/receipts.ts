import { ApiError } from '../api/errors.ts';
import type { ConversationId, Seq, UserId } from '../api/ids.ts';
import type { Readable } from '../api/readable.ts';
import type { ReadMark, ReceiptsState } from '../api/receipts.ts';
import type { RestClient } from '../rest/client.ts';
import type { Tx } from '../store/store.ts';
import { Backoff } from '../util/backoff.ts';
import { Timer } from '../util/timer.ts';
import { Value } from '../util/value.ts';
import { conversationOf, isKnownEvent } from '../wire/events.ts';
import type { ReceiptsFrame } from '../wire/frames.ts';
import type { Change } from './change.ts';
import type { Home } from './home.ts';

/** Conversations whose receipts are kept, the last that something was heard of. */
const MOST_KEPT = 50;
/** Milliseconds in which changes gather, before they are read or stored. */
const GATHER_MS = 100;
const STORE_EVERY_MS = 1000;

const NONE: ReceiptsState = { named: null, read: new Map(), delivered: new Map() };

/** Where the store has them, and of which conversations it has any, the last stored at the end. */
const keyOf = (id: ConversationId): string => `receipts:${id}`;
const KEPT = 'receiptsKept';

interface One {
  readonly value: Value<ReceiptsState>;
  readonly timer: Timer;
  readonly keep: Timer;
  readonly backoff: Backoff;
  readonly readable: Readable<ReceiptsState>;
  /** Without asking the server. */
  readonly known: Readable<ReceiptsState>;
  watchers: number;
  /** Whether something may have been missed since they were read. */
  isStale: boolean;
  reading: boolean;
  loaded: boolean;
  /** What came while the server was asked: its answer may be older. */
  meanwhile: ReceiptsFrame[];
}

/** What others have read in the conversations that are looked at: read once, kept up by what comes, read again when something may have been missed. */
export class ReceiptDesk {
  readonly #home: Home;
  readonly #rest: RestClient;
  readonly #me: UserId;
  readonly #all = new Map<ConversationId, One>();
  #stopped = false;

  constructor(parts: { home: Home; rest: RestClient; me: UserId }) {
    this.#home = parts.home;
    this.#rest = parts.rest;
    this.#me = parts.me;
  }

  stop(): void {
    this.#stopped = true;
    for (const one of this.#all.values()) {
      one.timer.stop();
      one.keep.stop();
      one.value.set(NONE);
    }
    this.#all.clear();
  }

  /** Reading begins with the first subscriber. */
  of(id: ConversationId): Readable<ReceiptsState> {
    return this.#of(id).readable;
  }

  /** What is known already, from the store or by what comes. */
  known(id: ConversationId): Readable<ReceiptsState> {
    return this.#of(id).known;
  }

  /** The connection is back. */
  wake(): void {
    for (const [id, one] of this.#all) {
      one.isStale = true;
      this.#readSoon(id, 0);
    }
  }

  hear(frame: ReceiptsFrame): void {
    const id = frame.conversation_id;
    const one = this.#of(id);
    // The last that something was heard of is dropped last.
    this.#all.delete(id);
    this.#all.set(id, one);
    if (one.reading) one.meanwhile.push(frame);
    // News comes only where people are named: a request was answered, or a large group became smaller. There is more to know then.
    if (one.value.get().named !== true) {
      one.isStale = true;
      this.#readSoon(id, 0);
    }
    this.#set(id, one, { ...this.#merged(one.value.get(), frame), named: true });
  }

  heed(change: Change): void {
    if (change.newLog) this.#forgetAll();
    for (const id of change.removed ?? []) void this.#forget(id);
    for (const event of change.events ?? []) {
      if (!isKnownEvent(event)) continue;
      // Switched off, nothing of others is shown; switched on, all of it is asked for.
      if (event.type === 'SETTINGS_CHANGED') this.#forgetAll();
      const id = conversationOf(event);
      const one = id === null ? undefined : this.#all.get(id);
      if (id === null || one === undefined || !['MEMBER_ADDED', 'MEMBERS_ADDED', 'MEMBER_REMOVED', 'MEMBERS_REMOVED'].includes(event.type))
        continue;
      one.isStale = true;
      this.#readSoon(id, GATHER_MS);
    }
  }

  /** A frame of a newer server's may hold other things: what is no mark is passed over. */
  #merged(state: ReceiptsState, frame: { read?: unknown; delivered?: unknown }): ReceiptsState {
    const read = new Map(state.read);
    for (const by of marksOf(frame.read)) {
      if (by.user === this.#me) continue;
      const known = read.get(by.user);
      const mark = { afterSeq: Math.max(known?.afterSeq ?? 0, by.afterSeq), readSeq: Math.max(known?.readSeq ?? 0, by.readSeq) };
      if (known?.afterSeq !== mark.afterSeq || known.readSeq !== mark.readSeq) read.set(by.user, mark);
    }
    // What a build of before stored has none.
    const delivered = new Map(state.delivered ?? []);
    for (const { user, seq } of deliveriesOf(frame.delivered)) {
      if (user !== this.#me) delivered.set(user, Math.max(seq, delivered.get(user) ?? 0));
    }
    return { ...state, read, delivered };
  }

  #of(id: ConversationId): One {
    const known = this.#all.get(id);
    if (known !== undefined) return known;
    const value = new Value<ReceiptsState>(NONE);
    const one: One = {
      value,
      timer: new Timer(),
      keep: new Timer(),
      backoff: new Backoff(500, 30_000),
      readable: { get: () => value.get(), subscribe: (changed) => this.#watch(id, changed, true) },
      known: { get: () => value.get(), subscribe: (changed) => this.#watch(id, changed, false) },
      watchers: 0,
      isStale: true,
      reading: false,
      loaded: false,
      meanwhile: [],
    };
    this.#all.set(id, one);
    this.#drop();
    return one;
  }

  #watch(id: ConversationId, changed: () => void, asks: boolean): () => void {
    const one = this.#of(id);
    const off = one.value.subscribe(changed);
    if (asks) one.watchers += 1;
    if (one.loaded) this.#readSoon(id, 0);
    else void this.#load(id, one);
    let watches = true;
    return () => {
      off();
      if (watches && asks) one.watchers -= 1;
      watches = false;
    };
  }

  #drop(): void {
    for (const [id, one] of this.#all) {
      if (this.#all.size <= MOST_KEPT) return;
      if (one.watchers > 0) continue;
      one.timer.stop();
      one.keep.stop();
      this.#all.delete(id);
    }
  }

  /** What the store has comes first. */
  async #load(id: ConversationId, one: One): Promise<void> {
    one.loaded = true;
    const stored = (await this.#home.transaction(['meta'], {}, (tx) => tx.get('meta', keyOf(id))).catch(() => undefined)) as
      | ReceiptsState
      | undefined;
    if (this.#all.get(id) !== one || this.#stopped) return;
    if (stored !== undefined) {
      const now = one.value.get();
      const read = [...now.read].map(([user_id, mark]) => ({ user_id, after_seq: mark.afterSeq, read_seq: mark.readSeq }));
      const delivered = [...now.delivered].map(([user_id, seq]) => ({ user_id, seq }));
      one.value.set(this.#merged({ ...stored, named: now.named ?? stored.named }, { read, delivered }));
    }
    this.#readSoon(id, 0);
  }

  #readSoon(id: ConversationId, afterMs: number): void {
    const one = this.#all.get(id);
    if (one === undefined || this.#stopped || one.watchers === 0 || !one.isStale || one.reading) return;
    one.timer.start(afterMs, () => void this.#read(id, one));
  }

  async #read(id: ConversationId, one: One): Promise<void> {
    one.reading = true;
    one.isStale = false;
    one.meanwhile = [];
    let again = GATHER_MS;
    try {
      const { named, read, delivered } = await this.#rest.receipts(id);
      if (this.#stopped || this.#all.get(id) !== one) return;
      one.backoff.reset();
      const state = this.#merged({ named, read: new Map(), delivered: this.#stillThere(one, read) }, { read, delivered });
      this.#set(
        id,
        one,
        one.meanwhile.reduce((all, frame) => this.#merged(all, frame), state),
      );
    } catch (error) {
      one.isStale = true;
      if (!(error instanceof ApiError)) return;
      again = error.retryable ? one.backoff.nextDelayMs(error.retryAfterMs) : Number.POSITIVE_INFINITY;
    } finally {
      one.reading = false;
      one.meanwhile = [];
      if (again !== Number.POSITIVE_INFINITY) this.#readSoon(id, again);
    }
  }

  /** What was heard of devices may be newer than what the server has written down. Of those who are gone nothing is kept. */
  #stillThere(one: One, read: readonly { user_id: UserId }[]): Map<UserId, Seq> {
    const there = new Set(read.map(({ user_id }) => user_id));
    return new Map([...one.value.get().delivered].filter(([user]) => read.length === 0 || there.has(user)));
  }

  #set(id: ConversationId, one: One, state: ReceiptsState): void {
    one.value.set(state);
    if (!one.keep.pending) one.keep.start(STORE_EVERY_MS, () => void this.#store(id, one.value.get()).catch(() => undefined));
  }

  #store(id: ConversationId, state: ReceiptsState): Promise<void> {
    return this.#home.transaction(['meta'], { write: true }, async (tx) => {
      const kept = [...(await keptIn(tx)).filter((one) => one !== id), id];
      for (const old of kept.splice(0, Math.max(0, kept.length - MOST_KEPT))) tx.delete('meta', keyOf(old));
      tx.put('meta', KEPT, kept);
      tx.put('meta', keyOf(id), state);
    });
  }

  #forgetAll(): void {
    for (const [id, one] of this.#all) {
      this.#empty(one);
      this.#readSoon(id, GATHER_MS);
    }
    const forget = async (tx: Tx): Promise<void> => {
      for (const id of await keptIn(tx)) tx.delete('meta', keyOf(id));
      tx.put('meta', KEPT, []);
    };
    void this.#home.transaction(['meta'], { write: true }, forget).catch(() => undefined);
  }

  async #forget(id: ConversationId): Promise<void> {
    const one = this.#all.get(id);
    if (one !== undefined) this.#empty(one);
    const forget = async (tx: Tx): Promise<void> => {
      const kept = (await keptIn(tx)).filter((other) => other !== id);
      tx.delete('meta', keyOf(id));
      tx.put('meta', KEPT, kept);
    };
    await this.#home.transaction(['meta'], { write: true }, forget).catch(() => undefined);
  }

  #empty(one: One): void {
    one.timer.stop();
    one.keep.stop();
    one.isStale = true;
    one.meanwhile = [];
    one.value.set(NONE);
  }
}

async function keptIn(tx: Tx): Promise<ConversationId[]> {
  return ((await tx.get('meta', KEPT)) as ConversationId[] | undefined) ?? [];
}

function deliveriesOf(delivered: unknown): { user: UserId; seq: Seq }[] {
  if (!Array.isArray(delivered)) return [];
  return (delivered as unknown[]).flatMap((to) => {
    const { user_id, seq } = (to ?? {}) as { user_id?: unknown; seq?: unknown };
    return typeof user_id === 'string' && typeof seq === 'number' ? [{ user: user_id, seq }] : [];
  });
}

function marksOf(read: unknown): ({ user: UserId } & ReadMark)[] {
  if (!Array.isArray(read)) return [];
  return (read as unknown[]).flatMap((by) => {
    const { user_id, after_seq, read_seq } = (by ?? {}) as { user_id?: unknown; after_seq?: Seq; read_seq?: Seq };
    const isMark = typeof user_id === 'string' && typeof after_seq === 'number' && typeof read_seq === 'number';
    return isMark ? [{ user: user_id, afterSeq: after_seq, readSeq: read_seq }] : [];
  });
}
