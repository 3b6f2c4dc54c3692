import { describe, expect, it } from 'vitest';
import { matchScore } from './filter';

describe('matchScore', () => {
  it('finds names without their marks', () => {
    expect(matchScore('José', 'jose')).toBeGreaterThan(0);
    expect(matchScore('Müller', 'mull')).toBeGreaterThan(0);
    expect(matchScore('Ann', 'bob')).toBe(0);
  });

  it('prefers beginnings of words', () => {
    expect(matchScore('Anouk Verhoeven', 'an')).toBeGreaterThan(matchScore('Liv Anders', 'an'));
    expect(matchScore('Liv Anders', 'an')).toBeGreaterThan(matchScore('Liv Sandberg', 'an'));
  });
});
