import type { Seq, UserId } from '../api/ids.ts';
import type { ServerEvent } from '../wire/events.ts';
import { beginsStay, endsStay } from '../wire/events.ts';

/** What an event is, by its place. */
export type Verdict = 'new' | 'duplicate' | { readonly gapAfter: Seq };

interface Seen {
  readonly last: Seq;
  /** Whether the next event has to name `last` as the one before it. Not so after one's own removal. */
  readonly chained: boolean;
}

/** Proves that nothing was missed, and drops what comes twice. As large as the number of chains that had events. */
export class Tracker {
  readonly #seen = new Map<string, Seen>();
  /** A gap that was reported, and then came again in the replay: the server's own record has it. */
  #proven: { chain: string; seq: Seq } | null = null;

  /** Judges an event, known or not, and, unless it reveals a gap, records it. */
  judge(event: ServerEvent, me: UserId): Verdict {
    const { chain, seq, prev } = event;
    const known = this.#seen.get(chain);
    if (known !== undefined) {
      if (seq <= known.last) return 'duplicate';
      const unbroken = prev === undefined || prev === null || prev === known.last;
      const proven = this.#proven?.chain === chain && this.#proven.seq === seq;
      if (known.chained && !unbroken && !proven && !beginsStay(event, me)) {
        this.#proven = { chain, seq };
        return { gapAfter: known.last };
      }
    }
    this.#seen.set(chain, { last: seq, chained: !endsStay(event, me) });
    return 'new';
  }

  /** The server said `reset`: what was seen before proves nothing about what follows. */
  reset(): void {
    this.#seen.clear();
    this.#proven = null;
  }
}
