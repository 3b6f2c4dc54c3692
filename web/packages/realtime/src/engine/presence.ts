import type { ConversationId, UserId } from '../api/ids.ts';
import { Timer } from '../util/timer.ts';
import { encode } from '../wire/frames.ts';

/** What one tab wants to be said. */
export interface PresenceWant {
  /** Whether the person uses it; null while it says nothing. */
  readonly active: boolean | null;
  readonly conversationId: ConversationId | null;
  /** Whom it shows. */
  readonly watched: readonly UserId[];
}

/** Milliseconds between two words about the person, and after which the same is said again. */
const EVERY_MS = 1000;
const BEAT_MS = 25_000;
/** Milliseconds after which whom tabs show is said again: what was lost is told then. */
const WATCH_AGAIN_MS = 120_000;
/** A tab that is not heard for so long is gone. */
const TAB_LASTS_MS = 60_000;
const MOST_WATCHED = 200;
const MOST_TABS = 64;

/** Makes one word of what all tabs want, and says it on the present socket. */
export class PresenceTeller {
  readonly #wants = new Map<string, { want: PresenceWant; at: number }>();
  readonly #timer = new Timer();
  #write: ((text: string) => void) | null = null;
  #said: { text: string; at: number } | null = null;
  #watched: { text: string; at: number } | null = null;
  #off = false;

  want(tab: string, want: PresenceWant): void {
    if (this.#wants.size >= MOST_TABS && !this.#wants.has(tab)) return;
    this.#wants.delete(tab);
    this.#wants.set(tab, { want, at: performance.now() });
    this.#look();
  }

  /** Everything missed has come on a new socket. */
  live(write: (text: string) => void): void {
    this.#write = write;
    this.#said = null;
    this.#watched = null;
    this.#off = false;
    this.#look();
  }

  ended(): void {
    this.#write = null;
    this.#timer.stop();
  }

  /** The server refuses a command that it does not know: one of before. Whether it was perhaps one of these. */
  isUnknown(): boolean {
    const itWas = (this.#said !== null || this.#watched !== null) && !this.#off;
    this.#off ||= itWas;
    return itWas;
  }

  #look(): void {
    if (this.#write === null || this.#off) return;
    const now = performance.now();
    for (const [tab, { at }] of this.#wants) if (now - at > TAB_LASTS_MS) this.#wants.delete(tab);
    if (this.#wants.size === 0 && this.#watched === null) return;
    const wants = [...this.#wants.values()].map(({ want }) => want);
    this.#say(wants, now);
    this.#watch(wants, now);
    this.#timer.start(EVERY_MS, () => this.#look());
    this.#timer.unref();
  }

  #say(wants: readonly PresenceWant[], now: number): void {
    if (!wants.some(({ active }) => active !== null)) return;
    // The newest of those that are used.
    const used = wants.findLast(({ active }) => active === true);
    const text = encode.presence(used !== undefined, used?.conversationId ?? null);
    const since = now - (this.#said?.at ?? Number.NEGATIVE_INFINITY);
    if (since < EVERY_MS || (text === this.#said?.text && since < BEAT_MS)) return;
    this.#said = { text, at: now };
    this.#write?.(text);
  }

  #watch(wants: readonly PresenceWant[], now: number): void {
    const people = [...new Set(wants.flatMap(({ watched }) => watched))].sort().slice(0, MOST_WATCHED);
    if (people.length === 0 && this.#watched === null) return;
    const text = encode.watchPresence(people);
    if (text === this.#watched?.text && now - this.#watched.at < WATCH_AGAIN_MS) return;
    this.#watched = { text, at: now };
    this.#write?.(text);
  }
}
