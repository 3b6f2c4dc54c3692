import type { Seq } from '../api/ids.ts';
import type { ServerEvent } from '../wire/events.ts';

/** Questions to the server at most. */
const MOST_PROBES = 40;

/**
 * Finds the place of the first event at or after a time, by asking for single events: places rise with time. `probe` gives the
 * newest event before a place. The answer is a place behind which that event lies, at most `last`.
 */
export async function findTime(atMs: number, last: Seq, probe: (before: Seq) => Promise<ServerEvent | null>): Promise<Seq> {
  // Everything up to `low` is earlier; the event at `high` is not, or is the end.
  let low = { seq: 0, atMs: Number.NaN };
  let high = { seq: last + 1, atMs: Number.NaN };
  for (let n = 0; n < MOST_PROBES && high.seq - low.seq > 1; n += 1) {
    const middle = between(low, high, atMs, n);
    const event = await probe(middle);
    const at = typeof event?.['at_ms' as keyof ServerEvent] === 'number' ? (event as { at_ms: number }).at_ms : null;
    if (event === null || at === null || at < atMs) low = { seq: middle - 1, atMs: at ?? Number.NaN };
    else high = { seq: event.seq, atMs: at };
  }
  return Math.min(low.seq, last);
}

/** A place between two: by their times where they are known, and in the middle every other time, so that it always ends. */
function between(low: { seq: Seq; atMs: number }, high: { seq: Seq; atMs: number }, atMs: number, n: number): Seq {
  const part = n % 2 === 1 ? (atMs - low.atMs) / (high.atMs - low.atMs) : 0.5;
  const share = Number.isFinite(part) ? Math.min(Math.max(part, 0.02), 0.98) : 0.5;
  return Math.min(Math.max(Math.round(low.seq + (high.seq - low.seq) * share), low.seq + 2), high.seq);
}
