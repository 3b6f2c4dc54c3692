import { ApiError } from '../api/errors.ts';
import type { ConversationId, Seq } from '../api/ids.ts';
import type { TimelineItem } from '../api/messages.ts';
import type { Timeline, TimelinePlace, TimelineState } from '../api/timeline.ts';
import { Value } from '../util/value.ts';
import { beginsStay, conversationOf, isKnownEvent, type MessageSent, type ServerEvent } from '../wire/events.ts';
import { counts } from './apply.ts';
import type { Change } from './change.ts';
import { findTime } from './find-time.ts';
import type { HistorySource } from './history-source.ts';
import { FencedError } from './home.ts';
import { itemOf } from './items.ts';
import type { Mirror } from './mirror.ts';
import { Throttle } from './throttle.ts';
import { Window } from './window.ts';

/** Events of one reading. */
const STEP = 50;
/** Events on each side of a place that is jumped to. */
const AROUND = 30;
/** Milliseconds between two new values: a frame of the screen. */
const TELL_EVERY_MS = 16;

const EMPTY: TimelineState = {
  items: [],
  hasOlder: false,
  hasNewer: false,
  loading: true,
  opening: true,
  firstUnreadSeq: null,
  error: null,
};

/** One open history. Readings go one after another, so that none finds another window than the one it was asked for. */
export class TimelineView implements Timeline {
  readonly id: ConversationId;
  readonly #mirror: Mirror;
  readonly #source: HistorySource;
  readonly #state = new Value<TimelineState>(EMPTY);
  readonly #tell = new Throttle(TELL_EVERY_MS, () => this.#build());
  readonly #window = new Window();
  readonly #closed = new AbortController();
  readonly #running = new Map<string, Promise<unknown>>();
  readonly #off: () => void;
  readonly #onClose: (view: TimelineView) => void;
  readonly #markAtOpen: { readonly read: Seq; readonly last: Seq };
  #tail: Promise<unknown> = Promise.resolve();
  #loading = 0;
  #showsEnd = true;
  /** Something lies behind the window that has not been read, though the end is to be shown. */
  #isBehind = false;
  #opened = false;
  #error: ApiError | null = null;

  constructor(id: ConversationId, mirror: Mirror, source: HistorySource, onClose: (view: TimelineView) => void) {
    this.id = id;
    this.#mirror = mirror;
    this.#source = source;
    this.#onClose = onClose;
    const record = mirror.record(id);
    this.#markAtOpen = { read: record?.readSeq ?? 0, last: record?.lastSeq ?? 0 };
    this.#off = mirror.onChange((change) => this.#take(change));
    void this.#once('open', () => this.#open());
  }

  get(): TimelineState {
    return this.#state.get();
  }

  subscribe(changed: () => void): () => void {
    return this.#state.subscribe(changed);
  }

  close(): void {
    if (this.#closed.signal.aborted) return;
    this.#closed.abort();
    this.#off();
    this.#tell.stop();
    this.#onClose(this);
  }

  /** The session is over. */
  empty(): void {
    this.close();
    this.#state.set({ ...EMPTY, loading: false, opening: false });
  }

  /** The connection is back: reads again what failed. */
  wake(): void {
    if (this.#error !== null || this.#isBehind) void this.#once('catch up', () => this.#catchUp());
  }

  loadOlder(): Promise<void> {
    return this.#once('older', async () => {
      if (!this.#window.isFilled || this.#window.from === 0) return;
      const before = this.#window.from;
      const part = (await this.#source.storedBefore(before, STEP)) ?? (await this.#source.before(before, STEP, this.#closed.signal));
      this.#window.join(part);
      if (this.#window.trimEnd()) this.#showsEnd = false;
    });
  }

  loadNewer(): Promise<void> {
    return this.#once('newer', async () => {
      if (!this.#window.isFilled || this.#showsEnd) return;
      await this.#readNewer();
    });
  }

  jumpToEnd(): Promise<void> {
    return this.#once('end', async () => {
      if (this.#showsEnd && !this.#isBehind) return;
      this.#showsEnd = true;
      await this.#open();
    });
  }

  async jumpTo(place: TimelinePlace): Promise<string | null> {
    const key = JSON.stringify(place);
    return (await this.#once(key, () => this.#jump(place))) ?? null;
  }

  async #open(): Promise<void> {
    const stored = await this.#source.storedEnd(STEP);
    if (stored !== null) {
      this.#window.replace(stored);
      this.#opened = true;
      this.#changed();
    }
    const last = this.#mirror.record(this.id)?.lastSeq ?? Number.POSITIVE_INFINITY;
    if (stored === null || last > stored.span.to) await this.#catchUp();
  }

  /** Reads the end from the server, and joins it to what is shown if they meet. */
  async #catchUp(): Promise<void> {
    if (!this.#showsEnd) return;
    this.#isBehind = true;
    const part = await this.#source.end(STEP, this.#closed.signal);
    if (!this.#window.join(part)) {
      if (this.#window.isFilled && this.#opened && this.#window.to >= part.span.to) {
        // The server's answer is older than what has come meanwhile.
      } else this.#window.replace(part);
    }
    this.#isBehind = false;
    this.#opened = true;
    this.#window.trimStart();
  }

  async #readNewer(): Promise<void> {
    const after = this.#window.to;
    const part = (await this.#source.storedAfter(after, STEP)) ?? (await this.#source.after(after, STEP, this.#closed.signal));
    this.#window.join(part);
    const last = this.#mirror.record(this.id)?.lastSeq ?? Number.POSITIVE_INFINITY;
    if (part.isEnd || this.#window.to >= last) this.#showsEnd = true;
    this.#window.trimStart();
  }

  async #jump(place: TimelinePlace): Promise<string | null> {
    const seq = 'seq' in place ? place.seq : await this.#placeOf(place.atMs);
    if (!this.#window.holds(seq)) {
      const signal = this.#closed.signal;
      const older = (await this.#source.storedBefore(seq + 1, AROUND)) ?? (await this.#source.before(seq + 1, AROUND, signal));
      const newer = (await this.#source.storedAfter(seq, AROUND)) ?? (await this.#source.after(seq, AROUND, signal));
      this.#window.replace(older);
      this.#window.join(newer);
      const last = this.#mirror.record(this.id)?.lastSeq ?? Number.POSITIVE_INFINITY;
      this.#showsEnd = newer.isEnd || this.#window.to >= last;
      this.#opened = true;
    }
    const shown = this.#window.events.filter((event) => itemOf(event) !== null);
    const found =
      'seq' in place ? shown.find((event) => event.seq >= seq) : shown.find((event) => (event as MessageSent).at_ms >= place.atMs);
    return (found && itemOf(found)?.key) ?? null;
  }

  async #placeOf(atMs: number): Promise<Seq> {
    const last = this.#mirror.record(this.id)?.lastSeq ?? this.#window.to;
    return findTime(atMs, last, (before) => this.#source.probe(before, this.#closed.signal));
  }

  /** Runs a reading behind the others; the same one twice is one. */
  #once<T>(name: string, work: () => Promise<T>): Promise<T | void> {
    const running = this.#running.get(name);
    if (running !== undefined) return running as Promise<T | void>;
    this.#loading += 1;
    this.#changed();
    const turn = this.#tail.then(async () => {
      if (this.#closed.signal.aborted) return undefined;
      try {
        const result = await work();
        this.#error = null;
        return result;
      } catch (error) {
        this.#failed(error);
        return undefined;
      } finally {
        this.#running.delete(name);
        this.#loading -= 1;
        if (!this.#closed.signal.aborted) this.#build();
      }
    });
    this.#running.set(name, turn);
    this.#tail = turn;
    return turn;
  }

  #failed(error: unknown): void {
    if (this.#closed.signal.aborted || error instanceof FencedError) return;
    this.#error =
      error instanceof ApiError ? error : new ApiError('store', 'the history could not be read', { retryable: true, cause: error });
  }

  #take(change: Change): void {
    if (change.newLog || change.removed?.includes(this.id)) {
      this.#window.clear();
      this.#opened = !change.newLog;
      this.#showsEnd = true;
      if (change.newLog) void this.#once('open', () => this.#open());
      this.#changed();
    } else if (change.again) {
      void this.#once('open', () => (this.#showsEnd ? this.#open() : Promise.resolve()));
    } else if (change.reset !== undefined) {
      this.#isBehind = true;
      void this.#once('catch up', () => this.#catchUp());
    }
    const events = (change.events ?? []).filter((event) => conversationOf(event) === this.id);
    for (const event of events) this.#takeEvent(event);
    if (events.length > 0 || change.settled?.length || change.outbox?.some(({ conversationId }) => conversationId === this.id))
      this.#changed();
  }

  #takeEvent(event: ServerEvent): void {
    if (isKnownEvent(event) && event.type === 'MESSAGE_ERASED') this.#window.erase(event.message_seq);
    if (beginsStay(event, this.#mirror.me) && event.seq > this.#window.to) {
      this.#window.replace({ events: [event], span: { from: 0, to: event.seq }, isEnd: true });
      this.#showsEnd = true;
      return;
    }
    if (!this.#showsEnd) return;
    if (this.#window.append(event)) this.#window.trimStart();
    else if (this.#opened && !this.#isBehind) {
      this.#isBehind = true;
      void this.#once('catch up', () => this.#catchUp());
    }
  }

  #changed(): void {
    if (!this.#closed.signal.aborted) this.#tell.ask();
  }

  #build(): void {
    this.#tell.stop();
    const items: TimelineItem[] = [];
    const settled = new Set<string>();
    for (const event of this.#window.events) {
      const item = itemOf(event);
      if (item === null) continue;
      items.push(item);
      settled.add(item.key);
    }
    // One's own that are not in the log, or whose event has not come: behind everything, in the order in which they go out.
    if (this.#showsEnd) items.push(...this.#mirror.waitingItems(this.id).filter(({ key }) => !settled.has(key)));
    this.#state.set({
      items,
      hasOlder: this.#window.isFilled && this.#window.from > 0,
      hasNewer: !this.#showsEnd,
      loading: this.#loading > 0,
      opening: !this.#opened && this.#error === null,
      firstUnreadSeq: this.#firstUnread(),
      error: this.#error,
    });
  }

  #firstUnread(): Seq | null {
    const { read, last } = this.#markAtOpen;
    // What is unread may begin before the window.
    if (last <= read || this.#window.from > read + 1) return null;
    const first = this.#window.events.find(
      (event) => event.seq <= last && event.type === 'MESSAGE_SENT' && counts(event as MessageSent, this.#mirror.me, read),
    );
    return first?.seq ?? null;
  }
}
