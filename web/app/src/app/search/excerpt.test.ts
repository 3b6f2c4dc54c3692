import { describe, expect, it } from 'vitest';
import { excerpt } from './excerpt';

const shown = (text: string, ...spans: [number, number][]) =>
  excerpt(
    text,
    spans.map(([start, end]) => ({ start, end })),
  )
    .map((part) => (part.found ? `[${part.text}]` : part.text))
    .join('');

describe('excerpt', () => {
  it('marks each place', () => {
    expect(shown('a harbour walk', [2, 9], [10, 14])).toBe('a [harbour] [walk]');
    expect(shown('no place')).toBe('no place');
  });

  it('begins a little before the first place and is bounded', () => {
    const text = `${'x '.repeat(100)}harbour${' y'.repeat(300)}`;
    const parts = shown(text, [200, 207]);
    expect(parts.startsWith('…')).toBe(true);
    expect(parts).toContain('[harbour]');
    expect(parts.endsWith('…')).toBe(true);
    expect(parts.length).toBeLessThan(240);
  });

  it('keeps characters whole and lines in a row', () => {
    expect(shown(`${'🚀'.repeat(30)}walk`, [60, 64]).startsWith('…🚀')).toBe(true);
    expect(shown('one\n\ntwo', [5, 8])).toBe('one [two]');
  });

  it('takes places that no text of this length has', () => {
    expect(shown('short', [2, 99], [200, 300])).toBe('sh[ort]');
  });
});
