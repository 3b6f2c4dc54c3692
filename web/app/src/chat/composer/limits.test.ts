import { describe, expect, it } from 'vitest';
import { bytesLeft, MAX_BYTES } from './limits';

describe('bytesLeft', () => {
  it('says nothing while there is room', () => {
    expect(bytesLeft('hello')).toBeNull();
    expect(bytesLeft('a'.repeat(MAX_BYTES * 0.9 - 1))).toBeNull();
  });

  it('counts bytes, not letters', () => {
    expect(bytesLeft('a'.repeat(MAX_BYTES))).toBe(0);
    expect(bytesLeft('ä'.repeat(MAX_BYTES / 2))).toBe(0);
    expect(bytesLeft('👍'.repeat(MAX_BYTES / 4 + 1))).toBe(-4);
  });
});
