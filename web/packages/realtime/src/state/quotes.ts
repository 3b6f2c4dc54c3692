import { ApiError } from '../api/errors.ts';
import type { MessageId } from '../api/ids.ts';
import type { MessageItem, MessageRef, TimelineItem } from '../api/messages.ts';
import { edited, erased } from '../store/history.ts';
import type { KnownEvent, MessageSent } from '../wire/events.ts';
import type { HistorySource } from './history-source.ts';
import { itemOf } from './items.ts';

/** Readings at once. */
const AT_ONCE = 4;

/** Messages that others answer, as they are now: from the window, otherwise from the store or the server. Nothing of them is copied. */
export class Quotes {
  readonly #source: HistorySource;
  readonly #changed: () => void;
  /** Null: it is not there. */
  readonly #found = new Map<MessageId, MessageSent | null>();
  readonly #asked = new Set<MessageId>();
  readonly #failed = new Set<MessageId>();
  readonly #waiting: MessageRef[] = [];
  readonly #closed = new AbortController();
  #running = 0;
  #age = 0;

  constructor(source: HistorySource, changed: () => void) {
    this.#source = source;
    this.#changed = changed;
  }

  close(): void {
    this.#closed.abort();
  }

  /** What these rows answer, as far as it is known; the rest is looked for. */
  of(items: readonly TimelineItem[]): ReadonlyMap<MessageId, MessageItem | null> {
    const quoted = new Map<MessageId, MessageItem | null>();
    const refs = items.flatMap((item) => (item.kind === 'message' && item.replyTo !== null ? [item.replyTo] : []));
    if (refs.length === 0) return quoted;
    const shown = new Map<MessageId, MessageItem>();
    for (const item of items) if (item.kind === 'message' && item.messageId !== null) shown.set(item.messageId, item);
    for (const ref of refs) {
      const found = shown.get(ref.messageId);
      if (found !== undefined) quoted.set(ref.messageId, found);
      else if (this.#found.has(ref.messageId)) quoted.set(ref.messageId, this.#item(ref.messageId));
      else this.#ask(ref);
    }
    return quoted;
  }

  /** An edit or an erasure reaches what is quoted; what the person hid is not there for them. */
  take(event: KnownEvent): void {
    if (event.type === 'MESSAGE_HIDDEN') {
      this.#found.set(event.message_id, null);
      return;
    }
    if (event.type !== 'MESSAGE_EDITED' && event.type !== 'MESSAGE_ERASED') return;
    const message = this.#found.get(event.message_id);
    if (message) this.#found.set(event.message_id, event.type === 'MESSAGE_ERASED' ? erased(message) : edited(message, event));
    // What is being read may be older.
    else if (this.#asked.has(event.message_id)) this.#age += 1;
  }

  /** What was read may be out of date. */
  forget(): void {
    this.#age += 1;
    this.#found.clear();
    this.#failed.clear();
  }

  /** The connection is back: what could not be read is looked for again. */
  wake(): void {
    if (this.#failed.size === 0) return;
    this.#failed.clear();
    this.#changed();
  }

  #item(id: MessageId): MessageItem | null {
    const message = this.#found.get(id);
    return message ? (itemOf(message) as MessageItem | null) : null;
  }

  #ask(ref: MessageRef): void {
    if (this.#asked.has(ref.messageId) || this.#failed.has(ref.messageId) || this.#closed.signal.aborted) return;
    this.#asked.add(ref.messageId);
    this.#waiting.push(ref);
    this.#next();
  }

  #next(): void {
    while (this.#running < AT_ONCE) {
      const ref = this.#waiting.shift();
      if (ref === undefined) return;
      this.#running += 1;
      void this.#read(ref).finally(() => {
        this.#running -= 1;
        this.#asked.delete(ref.messageId);
        if (this.#closed.signal.aborted) return;
        this.#next();
        this.#changed();
      });
    }
  }

  async #read(ref: MessageRef): Promise<void> {
    const age = this.#age;
    try {
      const message = await this.#source.message(ref, this.#closed.signal);
      // Otherwise it is asked for again when the rows are made anew.
      if (age === this.#age) this.#found.set(ref.messageId, message);
    } catch (error) {
      if (error instanceof ApiError && error.code === 'unknown_message') this.#found.set(ref.messageId, null);
      else this.#failed.add(ref.messageId);
    }
  }
}
