import type { Span } from '@/types';

export interface Part {
  text: string;
  found: boolean;
}

const BEFORE = 40;
const LENGTH = 220;

/** The part of a text around the first place that was found, in pieces; without a place, its beginning. Never cuts a character. */
export function excerpt(text: string, spans: readonly Span[]): Part[] {
  const first = spans[0]?.start ?? 0;
  const begin = whole(text, first > BEFORE ? first - BEFORE : 0);
  const end = whole(text, Math.min(text.length, begin + LENGTH));
  const parts: Part[] = [];
  const add = (from: number, to: number, found: boolean) => {
    const piece = text.slice(from, to).replace(/\s+/g, ' ');
    if (piece) parts.push({ text: piece, found });
  };
  let at = begin;
  for (const span of spans) {
    if (span.start >= end) break;
    add(at, Math.max(at, span.start), false);
    add(Math.max(at, span.start), Math.min(span.end, end), true);
    at = Math.max(at, Math.min(span.end, end));
  }
  add(at, end, false);
  if (begin > 0) parts.unshift({ text: '…', found: false });
  if (end < text.length) parts.push({ text: '…', found: false });
  return parts;
}

/** The same place, or the one before it where it is within a surrogate pair. */
function whole(text: string, at: number): number {
  const low = text.charCodeAt(at);
  return at > 0 && low >= 0xdc00 && low <= 0xdfff ? at - 1 : at;
}
