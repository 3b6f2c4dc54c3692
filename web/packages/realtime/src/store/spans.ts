import type { Seq } from '../api/ids.ts';

/**
 * A part of a conversation's history that is complete in the store: every event with `from <= seq <= to` that the person may
 * see. `from` 0 says that nothing lies before it.
 */
export interface Span {
  readonly from: Seq;
  readonly to: Seq;
}

/** Adds a span; those that it touches or overlaps become one. The result is in order. */
export function addSpan(spans: readonly Span[], added: Span): Span[] {
  let { from, to } = added;
  const apart: Span[] = [];
  for (const span of spans) {
    // Two that share no place are joined only by an event that names the other's end (`prev`): places have holes.
    if (span.to < from || span.from > to) apart.push(span);
    else {
      from = Math.min(from, span.from);
      to = Math.max(to, span.to);
    }
  }
  return [...apart, { from, to }].sort((a, b) => a.from - b.from);
}

/** The span that holds a place. */
export function spanAt(spans: readonly Span[], seq: Seq): Span | null {
  return spans.find((span) => span.from <= seq && seq <= span.to) ?? null;
}

/** The newest span. */
export function lastSpan(spans: readonly Span[]): Span | null {
  return spans.at(-1) ?? null;
}
