import type { ConversationId, Seq } from '../api/ids.ts';
import type { MessageRef } from '../api/messages.ts';
import type { HistoryQuery, RestClient } from '../rest/client.ts';
import type { MessagePage } from '../rest/types.ts';
import { amendedSince, newestStored } from '../store/amend.ts';
import { insertHistory, readAfter, readBefore, type Slice } from '../store/history.ts';
import type { Span } from '../store/spans.ts';
import type { Tx } from '../store/store.ts';
import type { MessageSent, ServerEvent } from '../wire/events.ts';
import { decodeFrame } from '../wire/frames.ts';
import { FencedError, type Home, readLogGen } from './home.ts';
import { eventOf } from './list-sync.ts';
import { type ConversationRecord, GONE } from './records.ts';

/** A part of a history, complete in itself, oldest first. */
export interface Part {
  readonly events: readonly ServerEvent[];
  /** The places that it covers; `from` 0 says that nothing lies before. */
  readonly span: Span;
  /** Whether nothing lay behind it when the server was asked. False where only the store was. */
  readonly isEnd: boolean;
}

/**
 * One conversation's history: what the store has, and what the server adds to it. What was asked for under a signal that is aborted
 * meanwhile, before a reset, or before one's removal is refused with {@link FencedError}: it is neither stored nor shown. What has
 * come live since it was asked for is applied to it: a message that was erased meanwhile does not come back.
 */
export class HistorySource {
  readonly #home: Home;
  readonly #rest: RestClient;
  readonly #id: ConversationId;

  constructor(home: Home, rest: RestClient, id: ConversationId) {
    this.#home = home;
    this.#rest = rest;
    this.#id = id;
  }

  /** The newest events that the store has. Null when it has none. */
  async storedEnd(limit: number, signal: AbortSignal): Promise<Part | null> {
    const { events, span } = await this.#read(signal, (tx) => readBefore(tx, this.#id, null, limit));
    return span === null ? null : { events, span: { from: start(events, span, limit), to: span.to }, isEnd: false };
  }

  /** Stored events before a place, or null where the store does not know what lies before it. */
  async storedBefore(before: Seq, limit: number, signal: AbortSignal): Promise<Part | null> {
    const { events, span } = await this.#read(signal, (tx) => readBefore(tx, this.#id, before, limit));
    if (span === null || (events.length === 0 && span.from > 0)) return null;
    return { events, span: { from: start(events, span, limit), to: before - 1 }, isEnd: false };
  }

  /** Stored events behind a place, or null where the store does not know what lies behind it. */
  async storedAfter(after: Seq, limit: number, signal: AbortSignal): Promise<Part | null> {
    const { events } = await this.#read(signal, (tx) => readAfter(tx, this.#id, after, limit));
    const last = events.at(-1);
    return last === undefined ? null : { events, span: { from: after, to: last.seq }, isEnd: false };
  }

  /** The newest events of the server. */
  end(limit: number, signal: AbortSignal): Promise<Part> {
    return this.#ask({ limit, signal }, ({ events, more }) => {
      const to = events.at(-1)?.seq ?? 0;
      return { events, span: { from: more ? (events[0]?.seq ?? to) : 0, to }, isEnd: true };
    });
  }

  /** The newest events of the server before a place. */
  before(before: Seq, limit: number, signal: AbortSignal): Promise<Part> {
    return this.#ask({ before, limit, signal }, ({ events, more }) => {
      return { events, span: { from: more ? (events[0]?.seq ?? before) : 0, to: before - 1 }, isEnd: false };
    });
  }

  /** The oldest events of the server behind a place that is known. */
  after(after: Seq, limit: number, signal: AbortSignal): Promise<Part> {
    return this.#ask({ after, limit, signal }, ({ events, more }) => {
      return { events, span: { from: after, to: events.at(-1)?.seq ?? after }, isEnd: !more };
    });
  }

  /** The newest event before a place, unstored: for looking for a time. */
  async probe(before: Seq, signal: AbortSignal): Promise<ServerEvent | null> {
    const page = await this.#rest.history(this.#id, { before, limit: 1, signal });
    return stillAsked(eventsOf(page).at(-1) ?? null, signal);
  }

  /** One message as it is now: from the store, which follows what happens, or from the server. */
  async message(ref: MessageRef, signal: AbortSignal): Promise<MessageSent> {
    const { events, span } = await this.#read(signal, (tx) => readBefore(tx, this.#id, ref.seq + 1, 1));
    const stored = events.at(-1);
    if (span !== null && stored?.seq === ref.seq && stored.type === 'MESSAGE_SENT') return stored as MessageSent;
    return stillAsked(eventOf(await this.#rest.message(this.#id, ref.messageId, signal)), signal);
  }

  async #read(signal: AbortSignal, work: (tx: Tx) => Promise<Slice>): Promise<Slice> {
    return stillAsked(await this.#home.transaction(['spans', 'pages'], {}, work), signal);
  }

  async #ask(query: HistoryQuery & { signal: AbortSignal }, make: (page: Page) => Part): Promise<Part> {
    const { log, since } = await this.#home.transaction(['meta', 'pages'], {}, async (tx) => ({
      log: await readLogGen(tx),
      since: await newestStored(tx, this.#id),
    }));
    const page = await this.#rest.history(this.#id, query);
    const part = make({ events: eventsOf(page), more: page.has_more });
    const events = await this.#home.inLog(log, ['meta', 'conversations', 'spans', 'pages'], async (tx) => {
      const record = (await tx.get('conversations', this.#id)) as ConversationRecord | undefined;
      if (record?.state === GONE) throw new FencedError('the conversation is not theirs any more');
      const present = await amendedSince(tx, this.#id, since, part.events);
      await insertHistory(tx, this.#id, present, part.span);
      return present;
    });
    return stillAsked({ ...part, events }, query.signal);
  }
}

/** What the server said. */
interface Page {
  readonly events: readonly ServerEvent[];
  readonly more: boolean;
}

function stillAsked<T>(value: T, signal: AbortSignal): T {
  if (signal.aborted) throw new FencedError('not asked for any more');
  return value;
}

/** Where a stored part begins: 0 when all that there is before its end was read. */
function start(events: readonly ServerEvent[], span: Span, limit: number): Seq {
  return span.from === 0 && events.length < limit ? 0 : (events[0]?.seq ?? span.from);
}

/** Messages and changes of a page, merged by their places. */
function eventsOf(page: MessagePage): ServerEvent[] {
  const changes: ServerEvent[] = [];
  for (const change of page.changes ?? []) {
    // The same decoder as for frames, so that what is not as it should be is passed over in the same way.
    const frame = decodeFrame(JSON.stringify(change));
    if (frame !== null && 'event' in frame) changes.push(frame.event);
  }
  return [...page.messages.map(eventOf), ...changes].sort((a, b) => a.seq - b.seq);
}
