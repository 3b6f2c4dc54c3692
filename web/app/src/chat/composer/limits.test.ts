import { maxTextBytes } from '@relayhub/realtime';
import { describe, expect, it } from 'vitest';
import { bytesLeft } from './limits';

describe('bytesLeft', () => {
  it('says nothing while there is room', () => {
    expect(bytesLeft('hello')).toBeNull();
    expect(bytesLeft('a'.repeat(maxTextBytes * 0.9 - 1))).toBeNull();
  });

  it('counts bytes, not letters', () => {
    expect(bytesLeft('a'.repeat(maxTextBytes))).toBe(0);
    expect(bytesLeft('ä'.repeat(maxTextBytes / 2))).toBe(0);
    expect(bytesLeft('👍'.repeat(maxTextBytes / 4 + 1))).toBe(-4);
  });
});
