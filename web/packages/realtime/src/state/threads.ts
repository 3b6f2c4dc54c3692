import { ApiError } from '../api/errors.ts';
import type { ConversationId, MessageId, Seq } from '../api/ids.ts';
import type { ThreadsState } from '../api/threads.ts';
import type { RestClient } from '../rest/client.ts';
import { amended } from '../store/amend.ts';
import { isReplyInThread, type ThreadReply } from '../store/threads.ts';
import { Backoff } from '../util/backoff.ts';
import { Timer } from '../util/timer.ts';
import type { Value } from '../util/value.ts';
import { conversationOf, isKnownEvent, type MessageSent, type ServerEvent } from '../wire/events.ts';
import { MOST_UNREAD } from './apply.ts';
import type { Change } from './change.ts';
import { messageItem } from './items.ts';
import { eventOf } from './list-sync.ts';

/** Milliseconds in which events gather that say that the list has to be read again. */
const GATHER_MS = 300;
/** Threads that are kept: those with the newest replies. */
const MOST = 50;

interface Row {
  readonly root: MessageSent;
  readonly readSeq: number;
  readonly unread: number;
}

/**
 * The threads that the person follows, while somebody asks for them: read after connecting, kept up by events, and read again where an
 * event does not say enough.
 */
export class ThreadsDesk {
  readonly #value: Value<ThreadsState | null>;
  readonly #rest: RestClient;
  readonly #me: string;
  readonly #timer = new Timer();
  readonly #backoff = new Backoff(500, 30_000);
  #rows: readonly Row[] | null = null;
  #hasMore = false;
  readonly #readHere = new Map<MessageId, Seq>();
  #last: Promise<void> = Promise.resolve();
  #wanted = false;
  #stopped = false;
  /** What came since a reading began. */
  #changes = 0;
  /** Threads and conversations that ended since: an answer that was on its way may still have them. */
  readonly #ended = new Set<MessageId | ConversationId>();

  constructor(value: Value<ThreadsState | null>, rest: RestClient, me: string) {
    this.#value = value;
    this.#rest = rest;
    this.#me = me;
  }

  stop(): void {
    this.#stopped = true;
    this.#timer.stop();
    this.#value.set(null);
  }

  /** Somebody asks. */
  want(): void {
    if (this.#wanted) return;
    this.#wanted = true;
    this.#soon(0);
  }

  /** The connection is back, or something may have been missed. */
  wake(): void {
    if (this.#wanted) this.#soon(0);
  }

  /** The person has read so far on this device, which the server may not know yet. */
  read(of: MessageId, seq: Seq): void {
    this.#readHere.set(of, Math.max(seq, this.#readHere.get(of) ?? 0));
    if (this.#rows !== null) this.#set(this.#rows);
  }

  heed(change: Change): void {
    if (!this.#wanted || this.#stopped) return;
    if (change.reset !== undefined || change.again || change.missed) this.#soon(GATHER_MS);
    if (change.removed?.length && this.#rows !== null) {
      this.#changes += 1;
      this.#set(this.#rows.filter(({ root }) => !change.removed?.includes(root.conversation_id)));
    }
    for (const id of change.removed ?? []) this.#ended.add(id);
    for (const event of change.events ?? []) if (this.#takeEvent(event)) this.#soon(GATHER_MS);
  }

  /** Reads them now. Readings go one after another. */
  refresh(): Promise<void> {
    if (!this.#wanted || this.#stopped) return Promise.resolve();
    const reading = this.#last.then(async () => {
      const changes = this.#changes;
      this.#ended.clear();
      const { threads, next_cursor } = await this.#rest.threads({ limit: MOST });
      if (this.#stopped) return;
      // What came meanwhile may be in it or not: once it is quiet, it is read again.
      if (changes !== this.#changes) this.#soon(GATHER_MS);
      this.#hasMore = next_cursor != null;
      const rows = threads.map(({ root, read_seq, unread_count }) => ({ root: eventOf(root), readSeq: read_seq, unread: unread_count }));
      this.#set(rows.filter(({ root }) => !this.#ended.has(root.message_id) && !this.#ended.has(root.conversation_id)));
    });
    this.#last = reading.catch(() => undefined);
    return reading;
  }

  /** Whether the list has to be read again: the event does not say all. */
  #takeEvent(event: ServerEvent): boolean {
    if (!isKnownEvent(event)) return false;
    if (isReplyInThread(event)) return this.#reply(event);
    const rows = this.#rows;
    if (event.type === 'THREAD_MARK_MOVED') {
      this.#changes += 1;
      const row = rows?.find(({ root }) => root.message_id === event.thread.message_id);
      if (event.following) this.#ended.delete(event.thread.message_id);
      else {
        this.#ended.add(event.thread.message_id);
        if (rows !== null) this.#set(rows.filter((other) => other !== row));
        return false;
      }
      if (row === undefined) return true;
      const all = event.read_seq >= (row.root.replies?.last_seq ?? 0);
      if (all) this.#put(row, { ...row, readSeq: Math.max(row.readSeq, event.read_seq), unread: 0 });
      return !all;
    }
    if (rows === null || (conversationOf(event) === null && event.type !== 'MESSAGE_HIDDEN')) return false;
    if (event.type === 'MESSAGE_ERASED' && event.thread && this.#find(event.thread.message_id) !== undefined) return true;
    if (event.type !== 'MESSAGE_EDITED' && event.type !== 'MESSAGE_ERASED' && event.type !== 'MESSAGE_HIDDEN') return false;
    const row = this.#find(event.message_id);
    if (row === undefined) return false;
    if (event.type === 'MESSAGE_HIDDEN') return true;
    const root = amended([row.root], [event])[0] as MessageSent;
    if (root !== row.root) this.#put(row, { ...row, root });
    return false;
  }

  #reply(event: ThreadReply): boolean {
    const mine = event.actor_id === this.#me;
    const row = this.#find(event.thread.message_id);
    if (row === undefined) return mine || event.thread.sender_id === this.#me;
    const root = amended([row.root], [event])[0] as MessageSent;
    if (root === row.root) return false;
    this.#changes += 1;
    const next = mine
      ? { root, readSeq: Math.max(row.readSeq, event.seq), unread: 0 }
      : { ...row, root, unread: Math.min(row.unread + 1, MOST_UNREAD) };
    this.#set([next, ...(this.#rows ?? []).filter((other) => other !== row)]);
    return false;
  }

  #find(root: MessageId): Row | undefined {
    return this.#rows?.find((row) => row.root.message_id === root);
  }

  #put(before: Row, after: Row): void {
    this.#set((this.#rows ?? []).map((row) => (row === before ? after : row)));
  }

  #set(fresh: readonly Row[]): void {
    const isRead = ({ root, unread }: Row) => unread > 0 && (this.#readHere.get(root.message_id) ?? 0) >= (root.replies?.last_seq ?? 0);
    const rows = fresh.map((row) => (isRead(row) ? { ...row, unread: 0 } : row));
    this.#rows = rows;
    this.#value.set({
      hasMore: this.#hasMore,
      threads: rows.map(({ root, readSeq, unread }) => ({
        conversationId: root.conversation_id,
        root: messageItem(root),
        readSeq,
        unread,
      })),
    });
  }

  #soon(afterMs: number): void {
    if (this.#stopped || this.#timer.pending) return;
    this.#timer.start(afterMs, () => {
      this.refresh().then(
        () => this.#backoff.reset(),
        (error: unknown) => {
          if (error instanceof ApiError && error.retryable) this.#soon(this.#backoff.nextDelayMs(error.retryAfterMs));
        },
      );
    });
  }
}
