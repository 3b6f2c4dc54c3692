import { beforeAll, describe, expect, it } from 'vitest';
import { dayKey, dayLabel, daysBetween, listTime } from './dates';

const NOW = new Date(2026, 10, 27, 14, 32).getTime();
const ago = (days: number, hours = 0) => new Date(2026, 10, 27 - days, 14 - hours, 32).getTime();

beforeAll(() => {
  expect(new Date(NOW).getFullYear()).toBe(2026);
});

describe('dates', () => {
  it('says the time today, then the day, then the date', () => {
    expect(listTime(ago(0, 1), NOW)).toBe('13:32');
    expect(listTime(ago(1), NOW)).toBe('Yesterday');
    expect(listTime(ago(3), NOW)).toBe('Tuesday');
    expect(listTime(ago(30), NOW)).toBe('28 Oct');
    expect(listTime(ago(400), NOW)).toBe('23 Oct 2025');
  });

  it('names the days above messages', () => {
    expect(dayLabel(ago(0), NOW)).toBe('Today');
    expect(dayLabel(ago(1), NOW)).toBe('Yesterday');
    expect(dayLabel(ago(40), NOW)).toBe('Sunday 18 October');
    expect(dayLabel(new Date(1986, 3, 26).getTime(), NOW)).toContain('1986');
  });

  it('takes a message of the future for today at most in the list', () => {
    expect(listTime(NOW + 3_600_000, NOW)).toBe('15:32');
  });

  it('counts days of the calendar', () => {
    expect(daysBetween(new Date(2026, 10, 26, 23, 59).getTime(), new Date(2026, 10, 27, 0, 1).getTime())).toBe(1);
    expect(dayKey(new Date(2026, 0, 5).getTime())).toBe(20_260_105);
  });
});
