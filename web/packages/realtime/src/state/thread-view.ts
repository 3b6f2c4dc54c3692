import { ApiError } from '../api/errors.ts';
import type { ConversationId, MessageId, Seq } from '../api/ids.ts';
import type { MessageItem, MessageRef } from '../api/messages.ts';
import type { Thread, ThreadState } from '../api/threads.ts';
import type { RestClient } from '../rest/client.ts';
import { amended, isAmending } from '../store/amend.ts';
import { isReplyInThread } from '../store/threads.ts';
import { Timer } from '../util/timer.ts';
import { Value } from '../util/value.ts';
import { conversationOf, isKnownEvent, type MessageSent, type ServerEvent } from '../wire/events.ts';
import type { Change } from './change.ts';
import type { HistorySource } from './history-source.ts';
import { messageItem, withWaiting } from './items.ts';
import { eventOf } from './list-sync.ts';
import type { Mirror } from './mirror.ts';
import { Quotes } from './quotes.ts';
import { Throttle } from './throttle.ts';

/** Replies of one reading, and at most of one that reads again what is shown. */
const STEP = 50;
const MOST_AGAIN = 200;
/** Milliseconds between two new values, and between two words about the mark. */
const TELL_EVERY_MS = 16;
const MARK_EVERY_MS = 1000;

const EMPTY: ThreadState = {
  root: null,
  items: [],
  quoted: new Map(),
  hasOlder: false,
  loading: true,
  opening: true,
  following: false,
  firstUnreadSeq: null,
  error: null,
};

/** One open thread. Read from the server, kept up by events; the device's store holds no threads of their own. */
export class ThreadView implements Thread {
  readonly #id: ConversationId;
  readonly #of: MessageId;
  readonly #mirror: Mirror;
  readonly #rest: RestClient;
  readonly #state = new Value<ThreadState>(EMPTY);
  readonly #tell = new Throttle(TELL_EVERY_MS, () => this.#build());
  readonly #quotes: Quotes;
  readonly #off: () => void;
  readonly #onClose: (view: ThreadView) => void;
  readonly #onRead: (root: MessageId, seq: Seq) => void;
  readonly #markTimer = new Timer();
  /** What came while something is being read: an answer may be older. */
  readonly #meanwhile: ServerEvent[] = [];
  #root: MessageSent | null = null;
  #replies: readonly MessageSent[] = [];
  #hasOlder = false;
  #following = false;
  #readSeq: Seq = 0;
  #toldSeq: Seq = 0;
  /** The mark as it was when the thread was opened. */
  #markAtOpen: Seq | null = null;
  #reading: Promise<void> = Promise.resolve();
  #loading = 0;
  #age = 0;
  #opened = false;
  #closed = false;
  #error: ApiError | null = null;

  constructor(
    id: ConversationId,
    root: MessageRef,
    parts: {
      mirror: Mirror;
      rest: RestClient;
      source: HistorySource;
      onClose: (view: ThreadView) => void;
      /** The person has read so far: the server is told a moment later. */
      onRead: (root: MessageId, seq: Seq) => void;
    },
  ) {
    this.#id = id;
    this.#of = root.messageId;
    this.#mirror = parts.mirror;
    this.#rest = parts.rest;
    this.#onClose = parts.onClose;
    this.#onRead = parts.onRead;
    this.#quotes = new Quotes(parts.source, () => this.#changed());
    this.#off = parts.mirror.onChange((change) => this.#take(change));
    void this.#read();
  }

  get(): ThreadState {
    return this.#state.get();
  }

  subscribe(changed: () => void): () => void {
    return this.#state.subscribe(changed);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#markTimer.stop();
    void this.#tellMark();
    this.#quotes.close();
    this.#off();
    this.#tell.stop();
    this.#onClose(this);
  }

  /** The session is over. */
  empty(): void {
    this.#toldSeq = this.#readSeq;
    this.close();
    this.#state.set({ ...EMPTY, loading: false, opening: false });
  }

  /** The connection is back: reads again what failed. */
  wake(): void {
    this.#quotes.wake();
    if (this.#error !== null) void this.#read();
  }

  loadOlder(): Promise<void> {
    const first = this.#replies[0];
    if (!this.#hasOlder || first === undefined || this.#loading > 0) return this.#reading;
    return this.#ask({ before: first.seq, limit: STEP }, (page) => {
      this.#hasOlder = page.has_more;
      this.#replies = [...page.messages.map(eventOf), ...this.#replies];
    });
  }

  markRead(seq: Seq): void {
    if (!this.#following || seq <= this.#readSeq) return;
    this.#readSeq = seq;
    this.#onRead(this.#of, seq);
    if (!this.#markTimer.pending) this.#markTimer.start(MARK_EVERY_MS, () => void this.#tellMark());
  }

  async follow(following: boolean): Promise<void> {
    await this.#rest.followThread(this.#id, this.#of, following);
    this.#following = following;
    this.#changed();
  }

  /** What is not told is told with the next mark: it rises. */
  async #tellMark(): Promise<void> {
    if (this.#readSeq <= this.#toldSeq) return;
    const seq = this.#readSeq;
    try {
      await this.#rest.markThreadRead(this.#id, this.#of, seq);
      this.#toldSeq = Math.max(this.#toldSeq, seq);
    } catch {
      // The next one says more.
    }
  }

  #read(): Promise<void> {
    const limit = Math.min(Math.max(this.#replies.length, STEP), MOST_AGAIN);
    return this.#ask({ limit }, (page) => {
      this.#root = eventOf(page.root);
      this.#replies = page.messages.map(eventOf);
      this.#hasOlder = page.has_more;
      this.#following = page.following;
      this.#readSeq = Math.max(this.#readSeq, page.read_seq ?? 0);
      this.#toldSeq = Math.max(this.#toldSeq, page.read_seq ?? 0);
      this.#markAtOpen ??= page.following ? (page.read_seq ?? null) : null;
      this.#opened = true;
    });
  }

  /** Readings go one after another. What came meanwhile is applied to each answer; after a reset an answer of before is worth nothing. */
  #ask(query: { before?: Seq; limit: number }, take: (page: Awaited<ReturnType<RestClient['thread']>>) => void): Promise<void> {
    this.#loading += 1;
    this.#changed();
    const age = this.#age;
    const reading = this.#reading.then(async () => {
      try {
        if (this.#closed || age !== this.#age) return;
        const page = await this.#rest.thread(this.#id, this.#of, query);
        if (this.#closed || age !== this.#age) return;
        take(page);
        for (const event of this.#meanwhile) this.#takeEvent(event);
        this.#error = null;
      } catch (error) {
        if (age === this.#age) this.#failed(error);
      } finally {
        this.#loading -= 1;
        if (this.#loading === 0) this.#meanwhile.length = 0;
        if (!this.#closed) this.#build();
      }
    });
    this.#reading = reading;
    return reading;
  }

  #failed(error: unknown): void {
    const known = error instanceof ApiError;
    this.#error = known ? error : new ApiError('internal', 'the thread could not be read', { retryable: true, cause: error });
    if (known && error.code === 'unknown_message') {
      this.#root = null;
      this.#replies = [];
      this.#opened = true;
    }
  }

  #take(change: Change): void {
    if (change.removed?.includes(this.#id)) {
      this.#age += 1;
      this.#root = null;
      this.#replies = [];
      this.#hasOlder = false;
      this.#changed();
      return;
    }
    if (change.newLog || change.again || change.missed || change.reset !== undefined) {
      this.#age += 1;
      this.#quotes.forget();
      if (change.newLog) this.#replies = [];
      void this.#read();
    }
    let concerns = false;
    for (const event of change.events ?? []) {
      if (!this.#isOurs(event)) continue;
      concerns = true;
      if (this.#loading > 0) this.#meanwhile.push(event);
      this.#takeEvent(event);
      if (isAmending(event)) this.#quotes.take(event);
    }
    if (concerns || change.settled?.length || change.outbox?.some(({ conversationId }) => conversationId === this.#id)) this.#changed();
  }

  #isOurs(event: ServerEvent): boolean {
    if (conversationOf(event) === this.#id) return true;
    if (!isKnownEvent(event)) return false;
    return (event.type === 'MESSAGE_HIDDEN' || event.type === 'THREAD_MARK_MOVED') && event.conversation_id === this.#id;
  }

  #takeEvent(event: ServerEvent): void {
    if (!isKnownEvent(event)) return;
    if (event.type === 'THREAD_MARK_MOVED') {
      if (event.thread.message_id !== this.#of) return;
      this.#following = event.following;
      this.#readSeq = Math.max(this.#readSeq, event.read_seq);
      this.#toldSeq = Math.max(this.#toldSeq, event.read_seq);
      return;
    }
    if (isAmending(event)) {
      if (this.#root !== null) this.#root = (amended([this.#root], [event])[0] as MessageSent | undefined) ?? null;
      this.#replies = amended(this.#replies, [event]) as readonly MessageSent[];
    }
    if (!isReplyInThread(event) || event.thread.message_id !== this.#of || !this.#opened) return;
    if (event.actor_id === this.#mirror.me) {
      // What one writes behind, one has read, and follows from then on.
      this.#following = true;
      this.#readSeq = Math.max(this.#readSeq, event.seq);
      this.#toldSeq = Math.max(this.#toldSeq, event.seq);
    }
    if (event.seq > (this.#replies.at(-1)?.seq ?? 0)) this.#replies = [...this.#replies, event];
  }

  #changed(): void {
    if (!this.#closed) this.#tell.ask();
  }

  #build(): void {
    this.#tell.stop();
    const edits = this.#mirror.waitingEdits(this.#id);
    const reactions = this.#mirror.waitingReactions(this.#id);
    const itemOf = (event: MessageSent): MessageItem => {
      const item = messageItem(event);
      return withWaiting(item, edits.get(event.message_id), reactions.get(event.message_id), this.#mirror.me);
    };
    const items = this.#replies.filter(({ hidden }) => !hidden).map(itemOf);
    const settled = new Set(items.map(({ key }) => key));
    items.push(...this.#mirror.waitingInThread(this.#id, this.#of).filter(({ key }) => !settled.has(key)));
    const root = this.#root === null || this.#root.hidden ? null : itemOf(this.#root);
    this.#state.set({
      root,
      items,
      quoted: this.#quotes.of(items),
      hasOlder: this.#hasOlder,
      loading: this.#loading > 0,
      opening: !this.#opened && this.#error === null,
      following: this.#following,
      firstUnreadSeq: this.#firstUnread(),
      error: this.#error,
    });
  }

  #firstUnread(): Seq | null {
    const mark = this.#markAtOpen;
    if (mark === null) return null;
    return this.#replies.find(({ seq, actor_id }) => seq > mark && actor_id !== this.#mirror.me)?.seq ?? null;
  }
}
