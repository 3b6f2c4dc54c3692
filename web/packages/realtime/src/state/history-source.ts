import type { ConversationId, Seq } from '../api/ids.ts';
import type { HistoryQuery, RestClient } from '../rest/client.ts';
import type { MessagePage } from '../rest/types.ts';
import { insertHistory, readAfter, readBefore, type Slice } from '../store/history.ts';
import type { Span } from '../store/spans.ts';
import type { Tx } from '../store/store.ts';
import type { ServerEvent } from '../wire/events.ts';
import { decodeFrame } from '../wire/frames.ts';
import type { Home } from './home.ts';
import { eventOf } from './list-sync.ts';

/** A part of a history, complete in itself, oldest first. */
export interface Part {
  readonly events: readonly ServerEvent[];
  /** The places that it covers; `from` 0 says that nothing lies before. */
  readonly span: Span;
  /** Whether nothing lay behind it when the server was asked. False where only the store was. */
  readonly isEnd: boolean;
}

/** One conversation's history: what the store has, and what the server adds to it. */
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
  async storedEnd(limit: number): Promise<Part | null> {
    const { events, span } = await this.#read((tx) => readBefore(tx, this.#id, null, limit));
    return span === null ? null : { events, span: { from: start(events, span, limit), to: span.to }, isEnd: false };
  }

  /** Stored events before a place, or null where the store does not know what lies before it. */
  async storedBefore(before: Seq, limit: number): Promise<Part | null> {
    const { events, span } = await this.#read((tx) => readBefore(tx, this.#id, before, limit));
    if (span === null || (events.length === 0 && span.from > 0)) return null;
    return { events, span: { from: start(events, span, limit), to: before - 1 }, isEnd: false };
  }

  /** Stored events behind a place, or null where the store does not know what lies behind it. */
  async storedAfter(after: Seq, limit: number): Promise<Part | null> {
    const { events } = await this.#read((tx) => readAfter(tx, this.#id, after, limit));
    const last = events.at(-1);
    return last === undefined ? null : { events, span: { from: after, to: last.seq }, isEnd: false };
  }

  /** The newest events of the server. */
  async end(limit: number, signal: AbortSignal): Promise<Part> {
    const page = await this.#ask({ limit, signal });
    const to = page.events.at(-1)?.seq ?? 0;
    return this.#store(page.events, { from: page.more ? (page.events[0]?.seq ?? to) : 0, to }, true);
  }

  /** The newest events of the server before a place. */
  async before(before: Seq, limit: number, signal: AbortSignal): Promise<Part> {
    const page = await this.#ask({ before, limit, signal });
    return this.#store(page.events, { from: page.more ? (page.events[0]?.seq ?? before) : 0, to: before - 1 }, false);
  }

  /** The oldest events of the server behind a place that is known. */
  async after(after: Seq, limit: number, signal: AbortSignal): Promise<Part> {
    const page = await this.#ask({ after, limit, signal });
    return this.#store(page.events, { from: after, to: page.events.at(-1)?.seq ?? after }, !page.more);
  }

  /** The newest event before a place, unstored: for looking for a time. */
  async probe(before: Seq, signal: AbortSignal): Promise<ServerEvent | null> {
    return (await this.#ask({ before, limit: 1, signal })).events.at(-1) ?? null;
  }

  async #ask(query: HistoryQuery): Promise<{ events: ServerEvent[]; more: boolean }> {
    const page = await this.#rest.history(this.#id, query);
    return { events: eventsOf(page), more: page.has_more };
  }

  #read(work: (tx: Tx) => Promise<Slice>): Promise<Slice> {
    return this.#home.transaction(['spans', 'pages'], {}, work);
  }

  async #store(events: readonly ServerEvent[], span: Span, isEnd: boolean): Promise<Part> {
    await this.#home.transaction(['spans', 'pages'], { write: true }, (tx) => insertHistory(tx, this.#id, events, span));
    return { events, span, isEnd };
  }
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
