import type { ClientId, ConversationId, MessageId } from '../api/ids.ts';
import { isText } from '../api/messages.ts';
import { Ordered } from './ordered.ts';
import { byTurn, isWaiting, type OutboxRecord } from './records.ts';

/** The outbox of one conversation. */
interface Part {
  readonly messages: Ordered;
  /** Those in threads, by the root. */
  readonly threads: Map<MessageId, Ordered>;
  /** By the message that they change. */
  readonly edits: Map<MessageId, Ordered>;
  /** By the message to which they are. */
  readonly reactions: Map<MessageId, Ordered>;
  readonly pins: Ordered;
  /** Of all, those without an answer. */
  readonly waiting: Ordered;
}

/** The outbox as one tab knows it, in order. What a message costs here does not grow with how many wait before it. */
export class OutboxBook implements Iterable<OutboxRecord> {
  readonly #all = new Ordered();
  readonly #parts = new Map<ConversationId, Part>();
  #unsettled = 0;
  #characters = 0;

  /** How many are not in the log, and the characters of their texts. */
  get unsettled(): { readonly count: number; readonly characters: number } {
    return { count: this.#unsettled, characters: this.#characters };
  }
  /** The turn behind all others. */
  get nextTurn(): number {
    return (this.#all.last?.turn ?? 0) + 1;
  }

  get(id: ClientId): OutboxRecord | null {
    return this.#all.get(id);
  }

  put(record: OutboxRecord): void {
    const known = this.#all.get(record.clientId);
    // What a message is, and where, never changes.
    if (known !== null) this.#count(known, -1);
    this.#count(record, 1);
    this.#all.put(record);
    const part = this.#part(record.conversationId);
    this.#place(part, record).put(record);
    if (isWaiting(record)) part.waiting.put(record);
    else part.waiting.delete(record.clientId);
  }

  /** Takes one out; gives it, if it was there. */
  delete(id: ClientId): OutboxRecord | null {
    const record = this.#all.get(id);
    if (record === null) return null;
    this.#count(record, -1);
    this.#all.delete(id);
    const part = this.#part(record.conversationId);
    part.messages.delete(id);
    part.pins.delete(id);
    part.waiting.delete(id);
    if (record.thread) take(part.threads, record.thread.messageId, id);
    if (record.edits) take(part.edits, record.edits.messageId, id);
    if (record.reacts) take(part.reactions, record.reacts.messageId, id);
    const maps = [part.threads, part.edits, part.reactions];
    if (part.messages.size + part.pins.size === 0 && maps.every(({ size }) => size === 0)) this.#parts.delete(record.conversationId);
    return record;
  }

  [Symbol.iterator](): Iterator<OutboxRecord> {
    return this.#all[Symbol.iterator]();
  }

  /** Messages of one thread, in order. */
  inThread(id: ConversationId, root: MessageId): Iterable<OutboxRecord> {
    return this.#parts.get(id)?.threads.get(root) ?? [];
  }

  /** Messages of a conversation's timeline, in order. */
  messagesOf(id: ConversationId): Iterable<OutboxRecord> {
    return this.#parts.get(id)?.messages ?? [];
  }

  lastMessageOf(id: ConversationId): OutboxRecord | null {
    return this.#parts.get(id)?.messages.last ?? null;
  }

  /** The edits of one message, in order. */
  editsOf(id: ConversationId, message: MessageId): Iterable<OutboxRecord> {
    return this.#parts.get(id)?.edits.get(message) ?? [];
  }

  lastEditOf(id: ConversationId, message: MessageId): OutboxRecord | null {
    return this.#parts.get(id)?.edits.get(message)?.last ?? null;
  }

  /** The last edit of each message. */
  lastEdits(id: ConversationId): ReadonlyMap<MessageId, OutboxRecord> {
    const edits = new Map<MessageId, OutboxRecord>();
    for (const [message, { last }] of this.#parts.get(id)?.edits ?? []) if (last !== null) edits.set(message, last);
    return edits;
  }

  /** The reactions of a conversation, by message and in order. */
  reactionsOf(id: ConversationId): ReadonlyMap<MessageId, Iterable<OutboxRecord>> {
    return this.#parts.get(id)?.reactions ?? new Map();
  }

  /**
   * The first one without an answer whose conversation has nothing under way. Looks at one per conversation in which something
   * waits, and at those before it that are not `ours`.
   */
  next(isBusy: (id: ConversationId) => boolean, ours: (record: OutboxRecord) => boolean): OutboxRecord | null {
    let next: OutboxRecord | null = null;
    for (const [id, { waiting }] of this.#parts) {
      if (waiting.size === 0 || isBusy(id)) continue;
      const first = firstOf(waiting, ours);
      if (first !== null && (next === null || byTurn(first, next) < 0)) next = first;
    }
    return next;
  }

  #part(id: ConversationId): Part {
    let part = this.#parts.get(id);
    if (part === undefined) {
      part = {
        messages: new Ordered(),
        threads: new Map(),
        edits: new Map(),
        reactions: new Map(),
        pins: new Ordered(),
        waiting: new Ordered(),
      };
      this.#parts.set(id, part);
    }
    return part;
  }

  #place(part: Part, { thread, edits, reacts, pins }: OutboxRecord): Ordered {
    if (pins) return part.pins;
    if (thread) return placeOf(part.threads, thread.messageId);
    if (reacts) return placeOf(part.reactions, reacts.messageId);
    return edits ? placeOf(part.edits, edits.messageId) : part.messages;
  }

  #count({ state, body }: OutboxRecord, by: 1 | -1): void {
    if (state === 'acked') return;
    this.#unsettled += by;
    if (isText(body)) this.#characters += by * body.text.length;
  }
}

function placeOf(places: Map<MessageId, Ordered>, message: MessageId): Ordered {
  let place = places.get(message);
  if (place === undefined) {
    place = new Ordered();
    places.set(message, place);
  }
  return place;
}

function take(places: Map<MessageId, Ordered>, message: MessageId, id: ClientId): void {
  const place = places.get(message);
  place?.delete(id);
  if (place?.size === 0) places.delete(message);
}

function firstOf(records: Iterable<OutboxRecord>, wanted: (record: OutboxRecord) => boolean): OutboxRecord | null {
  for (const record of records) if (wanted(record)) return record;
  return null;
}
