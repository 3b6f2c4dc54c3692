import { ApiError } from '../api/errors.ts';
import type { ConversationId, MessageId } from '../api/ids.ts';
import type { MessageItem } from '../api/messages.ts';
import type { Pin, PinsState } from '../api/pins.ts';
import type { Readable } from '../api/readable.ts';
import type { RestClient } from '../rest/client.ts';
import { edited } from '../store/history.ts';
import { Backoff } from '../util/backoff.ts';
import { Timer } from '../util/timer.ts';
import { Value } from '../util/value.ts';
import { conversationOf, isKnownEvent, type KnownEvent, type MessageEdited, type MessageSent } from '../wire/events.ts';
import type { Change } from './change.ts';
import { messageItem } from './items.ts';
import { eventOf } from './list-sync.ts';

/** Conversations whose pins are kept, the last looked at. */
const MOST_KEPT = 20;
/** Milliseconds in which changes gather; what others pin is read a moment apart by all who look. */
const GATHER_MS = 100;
const SPREAD_MS = 400;

const NONE: PinsState = { pins: null, error: null };

/** A pin with the message as the log has it, which edits go on with. */
interface Known {
  readonly pin: Pin;
  readonly message: MessageSent;
}

interface One {
  readonly value: Value<PinsState>;
  readonly timer: Timer;
  readonly backoff: Backoff;
  readonly readable: Readable<PinsState>;
  known: readonly Known[];
  watchers: number;
  /** Whether something happened since they were read, or they never were. */
  isStale: boolean;
  reading: boolean;
}

/** What is pinned where somebody looks: read once, and read again when an event says that something was pinned. */
export class PinDesk {
  readonly #rest: RestClient;
  readonly #me: string;
  /** The last looked at at the end. */
  readonly #all = new Map<ConversationId, One>();
  #stopped = false;

  constructor(parts: { rest: RestClient; me: string }) {
    this.#rest = parts.rest;
    this.#me = parts.me;
  }

  stop(): void {
    this.#stopped = true;
    for (const one of this.#all.values()) {
      one.timer.stop();
      one.value.set(NONE);
    }
    this.#all.clear();
  }

  /** Reading begins with the first subscriber. */
  of(id: ConversationId): Readable<PinsState> {
    return this.#of(id).readable;
  }

  /** The connection is back. */
  wake(): void {
    for (const [id, one] of this.#all) {
      one.backoff.reset();
      this.#readSoon(id, 0);
    }
  }

  heed(change: Change): void {
    for (const id of change.removed ?? []) this.#forget(id);
    if (change.missed || change.again || change.newLog || change.reset !== undefined) this.#doubt();
    for (const event of change.events ?? []) {
      if (!isKnownEvent(event)) continue;
      const id = event.type === 'MESSAGE_HIDDEN' ? event.conversation_id : conversationOf(event);
      const one = id === null ? undefined : this.#all.get(id);
      if (id !== null && one !== undefined) this.#take(id, one, event);
    }
  }

  #take(id: ConversationId, one: One, event: KnownEvent): void {
    switch (event.type) {
      case 'MESSAGE_PINNED':
        // What is taken back is gone at once; what is new is read, as it is now.
        if (!event.on) this.#drop(one, event.message_id, event.seq);
        one.isStale = true;
        this.#readSoon(id, event.actor_id === this.#me ? 0 : GATHER_MS + Math.random() * SPREAD_MS);
        return;
      case 'MESSAGE_ERASED':
      case 'MESSAGE_HIDDEN':
        // For good, also where the log has a pin behind it.
        this.#drop(one, event.message_id, Number.POSITIVE_INFINITY);
        // What is being read may be older.
        one.isStale ||= one.reading;
        return;
      case 'MESSAGE_EDITED':
        this.#edit(one, event);
        one.isStale ||= one.reading;
        return;
      default:
    }
  }

  #drop(one: One, message: MessageId, upto: number): void {
    const known = one.known.filter(({ pin }) => pin.message.messageId !== message || pin.pinnedSeq > upto);
    if (known.length !== one.known.length) this.#show(one, known);
  }

  #edit(one: One, event: MessageEdited): void {
    const known = one.known.map((each) => {
      const message = edited(each.message, event);
      return message === each.message ? each : { message, pin: { ...each.pin, message: messageItem(message) } };
    });
    if (known.some((each, index) => each !== one.known[index])) this.#show(one, known);
  }

  #show(one: One, known: readonly Known[]): void {
    one.known = known;
    one.value.set({ pins: known.map(({ pin }) => pin), error: null });
  }

  /** Events may have been missed. */
  #doubt(): void {
    for (const [id, one] of this.#all) {
      one.isStale = true;
      this.#readSoon(id, 0);
    }
  }

  #of(id: ConversationId): One {
    const known = this.#all.get(id);
    if (known !== undefined) return known;
    const value = new Value<PinsState>(NONE);
    const one: One = {
      value,
      timer: new Timer(),
      backoff: new Backoff(500, 30_000),
      readable: { get: () => value.get(), subscribe: (changed) => this.#watch(id, changed) },
      known: [],
      watchers: 0,
      isStale: true,
      reading: false,
    };
    this.#all.set(id, one);
    for (const [other, { watchers }] of this.#all) {
      if (this.#all.size <= MOST_KEPT) break;
      if (watchers === 0 && other !== id) this.#all.delete(other);
    }
    return one;
  }

  #watch(id: ConversationId, changed: () => void): () => void {
    const one = this.#of(id);
    this.#all.delete(id);
    this.#all.set(id, one);
    const off = one.value.subscribe(changed);
    one.watchers += 1;
    this.#readSoon(id, 0);
    let watches = true;
    return () => {
      off();
      if (watches) one.watchers -= 1;
      watches = false;
    };
  }

  #readSoon(id: ConversationId, afterMs: number): void {
    const one = this.#all.get(id);
    if (one === undefined || this.#stopped || one.watchers === 0 || !one.isStale || one.reading) return;
    one.timer.start(afterMs, () => void this.#read(id, one));
  }

  async #read(id: ConversationId, one: One): Promise<void> {
    one.reading = true;
    one.isStale = false;
    let again = GATHER_MS;
    try {
      const { pins } = await this.#rest.pins(id);
      if (this.#stopped || this.#all.get(id) !== one) return;
      one.backoff.reset();
      // What happened meanwhile may not be in it: then it is read again.
      if (!one.isStale)
        this.#show(
          one,
          pins.map(({ message, pinned_by, pinned_at_ms, pinned_seq }) => {
            const event = eventOf(message);
            const item: MessageItem = messageItem(event);
            return { message: event, pin: { message: item, pinnedBy: pinned_by, pinnedAtMs: pinned_at_ms, pinnedSeq: pinned_seq } };
          }),
        );
    } catch (error) {
      one.isStale = true;
      if (!(error instanceof ApiError)) return;
      one.value.set({ ...one.value.get(), error });
      again = error.retryable ? one.backoff.nextDelayMs(error.retryAfterMs) : Number.POSITIVE_INFINITY;
    } finally {
      one.reading = false;
      if (again !== Number.POSITIVE_INFINITY) this.#readSoon(id, again);
    }
  }

  /** The conversation is not theirs any more. */
  #forget(id: ConversationId): void {
    const one = this.#all.get(id);
    if (one === undefined) return;
    one.timer.stop();
    one.isStale = true;
    one.known = [];
    one.value.set(NONE);
  }
}
