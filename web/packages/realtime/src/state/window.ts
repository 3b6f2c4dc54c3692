import type { Seq } from '../api/ids.ts';
import { erased } from '../store/history.ts';
import type { MessageSent, ServerEvent } from '../wire/events.ts';
import type { Part } from './history-source.ts';

/** Rows that are kept at a time; beyond it the far side is dropped. */
export const MOST_ROWS = 5000;

/** A complete part of a history that a timeline shows. Pure. */
export class Window {
  #events: readonly ServerEvent[] = [];
  #from: Seq = 0;
  #to: Seq = 0;
  #filled = false;

  get events(): readonly ServerEvent[] {
    return this.#events;
  }
  /** Where it begins; 0 when nothing lies before it. */
  get from(): Seq {
    return this.#from;
  }
  get to(): Seq {
    return this.#to;
  }
  /** Whether it shows any part, even an empty one. */
  get isFilled(): boolean {
    return this.#filled;
  }

  holds(seq: Seq): boolean {
    return this.#filled && seq >= this.#from && seq <= this.#to;
  }

  clear(): void {
    this.#events = [];
    this.#from = 0;
    this.#to = 0;
    this.#filled = false;
  }

  replace(part: Part): void {
    this.#events = part.events;
    this.#from = part.span.from;
    this.#to = part.span.to;
    this.#filled = true;
  }

  /** Adds a part that overlaps or touches this one. Whether it does: if not, nothing is changed. */
  join({ events, span }: Part): boolean {
    if (!this.#filled) return false;
    const first = events[0];
    const touches = span.from <= this.#to && span.to + 1 >= this.#from;
    const follows = first !== undefined && typeof first.prev === 'number' && this.holds(first.prev);
    if (!touches && !follows) return false;
    const merged = new Map(this.#events.map((event) => [event.seq, event]));
    // What is shown stays the same object; erasing has its own way.
    for (const event of events) if (!merged.has(event.seq)) merged.set(event.seq, event);
    this.#events = [...merged.values()].sort((a, b) => a.seq - b.seq);
    this.#from = Math.min(this.#from, span.from);
    this.#to = Math.max(this.#to, span.to);
    return true;
  }

  /** Adds an event at the end, if it is the next one. Whether it was, or was there. */
  append(event: ServerEvent): boolean {
    if (event.seq <= this.#to) return true;
    if (!this.#filled || typeof event.prev !== 'number' || event.prev < this.#from || event.prev > this.#to) return false;
    this.#events = [...this.#events, event];
    this.#to = event.seq;
    return true;
  }

  erase(seq: Seq): void {
    const index = this.#events.findIndex((event) => event.seq === seq && event.type === 'MESSAGE_SENT');
    if (index >= 0) this.#events = this.#events.with(index, erased(this.#events[index] as MessageSent));
  }

  /** Drops what is too much at the start. */
  trimStart(): void {
    if (this.#events.length <= MOST_ROWS) return;
    this.#events = this.#events.slice(-MOST_ROWS);
    this.#from = this.#events[0]?.seq ?? this.#from;
  }

  /** Drops what is too much at the end. Whether anything was. */
  trimEnd(): boolean {
    if (this.#events.length <= MOST_ROWS) return false;
    this.#events = this.#events.slice(0, MOST_ROWS);
    this.#to = this.#events.at(-1)?.seq ?? this.#to;
    return true;
  }
}
