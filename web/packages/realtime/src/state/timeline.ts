import { ApiError } from '../api/errors.ts';
import type { ConversationId, Seq } from '../api/ids.ts';
import type { MessageItem, TimelineItem } from '../api/messages.ts';
import type { Timeline, TimelinePlace, TimelineState } from '../api/timeline.ts';
import { type Amending, amended, isAmending } from '../store/amend.ts';
import { isReplyInThread } from '../store/threads.ts';
import { Value } from '../util/value.ts';
import { beginsStay, conversationOf, endsStay, isKnownEvent, type MessageSent, type ServerEvent } from '../wire/events.ts';
import { counts, seenUpto } from './apply.ts';
import type { Change } from './change.ts';
import { findTime } from './find-time.ts';
import type { HistorySource, Part } from './history-source.ts';
import { FencedError } from './home.ts';
import { itemOf, withWaiting } from './items.ts';
import type { Mirror } from './mirror.ts';
import { Quotes } from './quotes.ts';
import { Throttle } from './throttle.ts';
import { Window } from './window.ts';

/** Events of one reading. */
const STEP = 50;
/** Events of one reading of what is shown already. */
const AGAIN = 200;
/** Events on each side of a place that is jumped to. */
const AROUND = 30;
/** How often what came meanwhile is read. */
const MOST_AGAIN = 3;
/** Milliseconds between two new values: a frame of the screen. */
const TELL_EVERY_MS = 16;

const EMPTY: TimelineState = {
  items: [],
  quoted: new Map(),
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
  readonly #running = new Map<string, Promise<unknown>>();
  readonly #off: () => void;
  readonly #onClose: (view: TimelineView) => void;
  readonly #markAtOpen: { readonly read: Seq; readonly last: Seq };
  readonly #quotes: Quotes;
  #tail: Promise<unknown> = Promise.resolve();
  /** Of what is read for the present window; aborted when that window is over. */
  #reading = new AbortController();
  #closed = false;
  #loading = 0;
  #showsEnd = true;
  /** Whether one reads at the end. Elsewhere the rows that are shown stay. */
  #follows = true;
  /** Something lies behind the window that has not been read, though the end is to be shown. */
  #isBehind = false;
  /** Something was missed: what is shown may have changed since. */
  #isOld = false;
  /** What came while something is being read: an answer may be older. */
  readonly #meanwhile: Amending[] = [];
  #opened = false;
  #error: ApiError | null = null;

  constructor(id: ConversationId, mirror: Mirror, source: HistorySource, onClose: (view: TimelineView) => void) {
    this.id = id;
    this.#mirror = mirror;
    this.#source = source;
    this.#onClose = onClose;
    this.#quotes = new Quotes(source, () => this.#changed());
    const record = mirror.record(id);
    this.#markAtOpen = { read: record ? seenUpto(record) : 0, last: record?.lastSeq ?? 0 };
    this.#off = mirror.onChange((change) => this.#take(change));
    void this.#once('open', (signal) => this.#open(signal));
  }

  get(): TimelineState {
    return this.#state.get();
  }

  subscribe(changed: () => void): () => void {
    return this.#state.subscribe(changed);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#reading.abort();
    this.#quotes.close();
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
    this.#quotes.wake();
    if (this.#isOld) void this.#once('again', (signal) => this.#readAgain(signal));
    else if (this.#error !== null || this.#isBehind) void this.#once('catch up', (signal) => this.#catchUp(signal));
  }

  loadOlder(): Promise<void> {
    return this.#once('older', async (signal) => {
      if (!this.#window.isFilled || this.#window.from === 0) return;
      const before = this.#window.from;
      const part = (await this.#source.storedBefore(before, STEP, signal)) ?? (await this.#source.before(before, STEP, signal));
      this.#window.join(this.#asOfNow(part));
      if (this.#window.trimEnd()) this.#showsEnd = false;
    });
  }

  loadNewer(): Promise<void> {
    return this.#once('newer', async (signal) => {
      if (!this.#window.isFilled || this.#showsEnd) return;
      await this.#readNewer(signal);
    });
  }

  jumpToEnd(): Promise<void> {
    return this.#once('end', async (signal) => {
      if (this.#showsEnd && !this.#isBehind) return;
      this.#showsEnd = true;
      await this.#open(signal);
    });
  }

  follow(end: boolean): void {
    this.#follows = end;
  }

  async jumpTo(place: TimelinePlace): Promise<string | null> {
    const key = JSON.stringify(place);
    return (await this.#once(key, (signal) => this.#jump(place, signal))) ?? null;
  }

  /** The last place that is known. */
  get #last(): Seq {
    return this.#mirror.record(this.id)?.lastSeq ?? 0;
  }

  async #open(signal: AbortSignal): Promise<void> {
    const stored = await this.#source.storedEnd(STEP, signal);
    if (stored !== null) {
      this.#window.replace(this.#asOfNow(stored));
      this.#opened = true;
      this.#changed();
    }
    if (stored === null || (this.#mirror.record(this.id)?.lastSeq ?? Number.POSITIVE_INFINITY) > stored.span.to)
      await this.#catchUp(signal);
  }

  /** Reads the end from the server, and joins it to what is shown if they meet. */
  async #catchUp(signal: AbortSignal): Promise<void> {
    if (!this.#showsEnd) return;
    this.#isBehind = true;
    const part = this.#asOfNow(await this.#source.end(STEP, signal));
    if (!this.#window.join(part)) {
      if (this.#window.isFilled && this.#opened && this.#window.to >= part.span.to) {
        // The server's answer is older than what has come meanwhile.
      } else if (!this.#follows && this.#opened && this.#window.isFilled) {
        this.#showsEnd = false;
        this.#isBehind = false;
        return;
      } else this.#window.replace(part);
    }
    this.#isBehind = false;
    this.#opened = true;
    this.#trim();
    // What came while the server answered.
    for (let n = 0; n < MOST_AGAIN && this.#showsEnd && this.#last > this.#window.to; n += 1) await this.#readNewer(signal);
  }

  /** Reads what is shown again, and what follows it: the place that the person is at stays. */
  async #readAgain(signal: AbortSignal): Promise<void> {
    const { from, to } = this.#window;
    for (let at = Math.max(0, from - 1); at < to; ) {
      const part = (await this.#source.storedAfter(at, AGAIN, signal)) ?? (await this.#source.after(at, AGAIN, signal));
      this.#window.renew(this.#asOfNow(part));
      this.#changed();
      if (part.isEnd || part.span.to <= at) break;
      at = part.span.to;
    }
    this.#isOld = false;
    if (this.#showsEnd && (this.#isBehind || this.#last > this.#window.to)) await this.#catchUp(signal);
  }

  #asOfNow(part: Part): Part {
    return { ...part, events: amended(part.events, this.#meanwhile) };
  }

  async #readNewer(signal: AbortSignal): Promise<void> {
    const after = this.#window.to;
    const part = (await this.#source.storedAfter(after, STEP, signal)) ?? (await this.#source.after(after, STEP, signal));
    this.#window.join(this.#asOfNow(part));
    const last = this.#mirror.record(this.id)?.lastSeq ?? Number.POSITIVE_INFINITY;
    if (part.isEnd || this.#window.to >= last) this.#showsEnd = true;
    this.#window.trimStart();
  }

  async #jump(place: TimelinePlace, signal: AbortSignal): Promise<string | null> {
    const seq = 'seq' in place ? place.seq : await this.#placeOf(place.atMs, signal);
    if (!this.#window.holds(seq)) {
      const older = (await this.#source.storedBefore(seq + 1, AROUND, signal)) ?? (await this.#source.before(seq + 1, AROUND, signal));
      const newer = (await this.#source.storedAfter(seq, AROUND, signal)) ?? (await this.#source.after(seq, AROUND, signal));
      this.#window.replace(this.#asOfNow(older));
      this.#window.join(this.#asOfNow(newer));
      const last = this.#mirror.record(this.id)?.lastSeq ?? Number.POSITIVE_INFINITY;
      this.#showsEnd = newer.isEnd || this.#window.to >= last;
      this.#opened = true;
    }
    const shown = this.#window.events.filter((event) => !isReplyInThread(event) && itemOf(event) !== null);
    const found =
      'seq' in place ? shown.find((event) => event.seq >= seq) : shown.find((event) => (event as MessageSent).at_ms >= place.atMs);
    return (found && itemOf(found)?.key) ?? null;
  }

  async #placeOf(atMs: number, signal: AbortSignal): Promise<Seq> {
    const last = this.#mirror.record(this.id)?.lastSeq ?? this.#window.to;
    return findTime(atMs, last, (before) => this.#source.probe(before, signal));
  }

  /** Runs a reading behind the others; the same one twice is one. */
  #once<T>(name: string, work: (signal: AbortSignal) => Promise<T>): Promise<T | void> {
    const running = this.#running.get(name);
    if (running !== undefined) return running as Promise<T | void>;
    this.#loading += 1;
    this.#changed();
    const { signal } = this.#reading;
    const turn = this.#tail.then(async () => {
      try {
        if (signal.aborted) return undefined;
        const result = await work(signal);
        this.#error = null;
        return result;
      } catch (error) {
        if (!signal.aborted) this.#failed(error);
        return undefined;
      } finally {
        if (this.#running.get(name) === turn) this.#running.delete(name);
        this.#loading -= 1;
        if (this.#loading === 0) this.#meanwhile.length = 0;
        if (!this.#closed) this.#build();
      }
    });
    this.#running.set(name, turn);
    this.#tail = turn;
    return turn;
  }

  /** What is shown is over, and what is on its way for it too. */
  #startAnew(): void {
    this.#dropReadings();
    this.#window.clear();
    this.#error = null;
    this.#isBehind = false;
    this.#isOld = false;
    this.#showsEnd = true;
  }

  /** Something was missed: what is on its way may have been answered before it. */
  #missed(): void {
    this.#dropReadings();
    if (this.#window.isFilled) {
      this.#isOld = true;
      void this.#once('again', (signal) => this.#readAgain(signal));
    } else void this.#once('open', (signal) => this.#open(signal));
  }

  #dropReadings(): void {
    this.#reading.abort();
    this.#reading = new AbortController();
    this.#running.clear();
  }

  #failed(error: unknown): void {
    if (error instanceof FencedError) return;
    this.#error =
      error instanceof ApiError ? error : new ApiError('store', 'the history could not be read', { retryable: true, cause: error });
  }

  #take(change: Change): void {
    // What was read may be out of date, or nobody's to see.
    if (change.newLog || change.again || change.missed || change.reset !== undefined || change.removed?.includes(this.id))
      this.#quotes.forget();
    // In what was missed there may be one's own removal.
    const isGone = change.again && this.#window.isFilled && this.#mirror.record(this.id) === null;
    if (change.newLog || isGone || change.removed?.includes(this.id)) {
      this.#startAnew();
      this.#opened = !change.newLog;
      if (change.newLog || isGone) void this.#once('open', (signal) => this.#open(signal));
      this.#changed();
    } else if (change.again || change.missed || change.reset !== undefined) {
      if (!change.again) this.#isBehind = true;
      this.#missed();
    }
    const events = (change.events ?? []).filter((event) => conversationOf(event) === this.id || this.#isHiding(event));
    for (const event of events) this.#takeEvent(event);
    if (events.length > 0 || change.settled?.length || change.outbox?.some(({ conversationId }) => conversationId === this.id))
      this.#changed();
  }

  /** Whether it hides a message here: it is on the person's own chain. */
  #isHiding(event: ServerEvent): boolean {
    return isKnownEvent(event) && event.type === 'MESSAGE_HIDDEN' && event.conversation_id === this.id;
  }

  #takeEvent(event: ServerEvent): void {
    if (isAmending(event)) {
      this.#window.amend(event);
      this.#quotes.take(event);
      if (this.#loading > 0) this.#meanwhile.push(event);
      if (event.type === 'MESSAGE_HIDDEN') return;
    }
    if (beginsStay(event, this.#mirror.me) && event.seq > this.#window.to) {
      this.#window.replace({ events: [event], span: { from: 0, to: event.seq }, isEnd: true });
      this.#showsEnd = true;
      return;
    }
    // After one's removal nothing more is theirs to read.
    if (!this.#showsEnd || endsStay(event, this.#mirror.me)) return;
    if (this.#window.append(event)) this.#trim();
    else if (this.#opened && !this.#isBehind) {
      this.#isBehind = true;
      void this.#once('catch up', (signal) => this.#catchUp(signal));
    }
  }

  /** Drops what is too much, where nobody reads. */
  #trim(): void {
    if (this.#follows) this.#window.trimStart();
    else if (this.#window.trimEnd()) this.#showsEnd = false;
  }

  #changed(): void {
    if (!this.#closed) this.#tell.ask();
  }

  #build(): void {
    this.#tell.stop();
    const items: TimelineItem[] = [];
    const settled = new Set<string>();
    const edits = this.#mirror.waitingEdits(this.id);
    const reactions = this.#mirror.waitingReactions(this.id);
    for (const event of this.#window.events) {
      const item = isReplyInThread(event) ? null : itemOf(event);
      if (item === null) continue;
      const id = item.kind === 'message' ? item.messageId : null;
      items.push(id === null ? item : withWaiting(item as MessageItem, edits.get(id), reactions.get(id), this.#mirror.me));
      settled.add(item.key);
    }
    // One's own that are not in the log, or whose event has not come: behind everything, in the order in which they go out.
    if (this.#showsEnd) items.push(...this.#mirror.waitingItems(this.id).filter(({ key }) => !settled.has(key)));
    this.#state.set({
      items,
      quoted: this.#quotes.of(items),
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
