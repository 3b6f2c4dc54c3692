import { describe, expect, it } from 'vitest';
import { choices, fieldOf, momentOf } from './sendLater';

describe('sending later', () => {
  it('has the same moment in the field and behind it, to the minute', () => {
    const at = new Date(2026, 0, 2, 3, 4).getTime();
    expect(fieldOf(at)).toBe('2026-01-02T03:04');
    expect(momentOf(fieldOf(at))).toBe(at);
    expect(momentOf('')).toBeNull();
  });

  it('offers only what is to come, in order', () => {
    const morning = choices(new Date(2026, 0, 31, 8, 0).getTime());
    expect(morning.map(({ text }) => text)).toEqual(['later.hour', 'later.evening', 'later.tomorrow']);
    expect(fieldOf(morning[2]?.atMs ?? 0)).toBe('2026-02-01T09:00');
    const night = choices(new Date(2026, 0, 31, 22, 0).getTime());
    expect(night.map(({ text }) => text)).toEqual(['later.hour', 'later.tomorrow']);
  });
});
