import type { Seq } from '../api/ids.ts';
import { type Amending, amended, placesOf } from '../store/amend.ts';
import { charactersOf, newest } from '../store/history.ts';
import type { MessageSent, ServerEvent } from '../wire/events.ts';
import type { Part } from './history-source.ts';

/** Rows that are kept at a time; beyond it the far side is dropped. */
export const MOST_ROWS = 5000;
/** Characters of their texts, as well. */
const MOST_CHARACTERS = 8 * 1024 * 1024;
/** Rows that are kept whatever their texts. */
const FEWEST_ROWS = 200;

/** A complete part of a history that a timeline shows. Pure. */
export class Window {
  #events: readonly ServerEvent[] = [];
  #from: Seq = 0;
  #to: Seq = 0;
  #filled = false;
  /** Of the texts. */
  #characters = 0;

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
    this.#hold([]);
    this.#from = 0;
    this.#to = 0;
    this.#filled = false;
  }

  replace(part: Part): void {
    this.#hold(part.events);
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
    this.#add(events);
    this.#from = Math.min(this.#from, span.from);
    this.#to = Math.max(this.#to, span.to);
    return true;
  }

  /** Adds an event at the end, if it is the next one. Whether it was, or was there. */
  append(event: ServerEvent): boolean {
    if (event.seq <= this.#to) return true;
    if (!this.#filled || typeof event.prev !== 'number' || event.prev < this.#from || event.prev > this.#to) return false;
    this.#events = [...this.#events, event];
    this.#characters += charactersOf(event);
    this.#to = event.seq;
    return true;
  }

  amend(by: Amending): void {
    if (placesOf(by).some((seq) => this.holds(seq))) this.#hold(amended(this.#events, [by]));
  }

  /** Replaces what it has of the places of a part that was read again: those behind the part's first one. */
  renew({ events, span }: Part): void {
    if (!this.#filled) return;
    const others = this.#events.filter(({ seq }) => seq <= span.from || seq > span.to);
    this.#hold([...others, ...events].sort((a, b) => a.seq - b.seq));
    this.#to = Math.max(this.#to, span.to);
  }

  /** Drops what is too much at the start. */
  trimStart(): void {
    const keep = this.#fitting((n) => this.#events.length - 1 - n);
    if (keep === this.#events.length) return;
    this.#hold(this.#events.slice(-keep));
    this.#from = this.#events[0]?.seq ?? this.#from;
  }

  /** Drops what is too much at the end. Whether anything was. */
  trimEnd(): boolean {
    const keep = this.#fitting((n) => n);
    if (keep === this.#events.length) return false;
    this.#hold(this.#events.slice(0, keep));
    this.#to = this.#events.at(-1)?.seq ?? this.#to;
    return true;
  }

  /** Most parts lie before all that is there or behind it, and a long window is not sorted for fifty events. */
  #add(events: readonly ServerEvent[]): void {
    const [first, last] = [this.#events[0], this.#events.at(-1)];
    if (first === undefined || (events.at(-1)?.seq ?? 0) < first.seq) this.#events = [...events, ...this.#events];
    else if (last !== undefined && (events[0]?.seq ?? 0) > last.seq) this.#events = [...this.#events, ...events];
    else {
      const merged = new Map(this.#events.map((event) => [event.seq, event]));
      // What is shown stays the same object, unless the part has it as it is later.
      for (const event of events) {
        const shown = merged.get(event.seq);
        merged.set(event.seq, shown === undefined ? event : laterOf(shown, event));
      }
      this.#hold([...merged.values()].sort((a, b) => a.seq - b.seq));
      return;
    }
    for (const event of events) this.#characters += charactersOf(event);
  }

  #hold(events: readonly ServerEvent[]): void {
    this.#events = events;
    this.#characters = events.reduce((sum, event) => sum + charactersOf(event), 0);
  }

  /** How many fit, beginning at one side: `at` is the index of the nth from there. */
  #fitting(at: (n: number) => number): number {
    const most = Math.min(this.#events.length, MOST_ROWS);
    if (this.#characters <= MOST_CHARACTERS) return most;
    let left = MOST_CHARACTERS;
    let fitting = 0;
    while (fitting < most && (left > 0 || fitting < FEWEST_ROWS)) {
      left -= charactersOf(this.#events[at(fitting)] as ServerEvent);
      fitting += 1;
    }
    return fitting;
  }
}

/** What is shown, unless the other copy of it has something later. */
function laterOf(shown: ServerEvent, event: ServerEvent): ServerEvent {
  if (shown.type !== 'MESSAGE_SENT' || event.type !== 'MESSAGE_SENT') return shown;
  return newest(event as MessageSent, shown as MessageSent);
}
