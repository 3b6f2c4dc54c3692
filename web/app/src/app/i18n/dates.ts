import { currentLanguage } from './i18n';

/** Formatters are dear to make: one per language and shape. */
const formats = new Map<string, Intl.DateTimeFormat>();

function format(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  // Western digits in every language: times stand beside handles, counts and code.
  const locale = currentLanguage() === 'ar' ? 'ar-u-nu-latn' : currentLanguage() === 'en' ? 'en-GB' : currentLanguage();
  const key = locale + JSON.stringify(options);
  let made = formats.get(key);
  if (!made) {
    made = new Intl.DateTimeFormat(locale, options);
    formats.set(key, made);
  }
  return made;
}

/** The day of the reader's own time zone, as a number that grows by day. */
export function dayKey(ms: number): number {
  const date = new Date(ms);
  return date.getFullYear() * 10_000 + (date.getMonth() + 1) * 100 + date.getDate();
}

/** Whole days of the calendar between two moments. */
export function daysBetween(thenMs: number, nowMs: number): number {
  const then = new Date(thenMs);
  const now = new Date(nowMs);
  const a = Date.UTC(then.getFullYear(), then.getMonth(), then.getDate());
  const b = Date.UTC(now.getFullYear(), now.getMonth(), now.getDate());
  return Math.round((b - a) / 86_400_000);
}

export function clockTime(ms: number): string {
  return format({ hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }).format(ms);
}

export function fullTime(ms: number): string {
  return format({ dateStyle: 'full', timeStyle: 'medium' }).format(ms);
}

const relative = new Map<string, Intl.RelativeTimeFormat>();

function relativeDay(days: number): string {
  const locale = currentLanguage();
  const format = relative.get(locale) ?? new Intl.RelativeTimeFormat(locale, { numeric: 'auto' });
  relative.set(locale, format);
  const text = format.format(-days, 'day');
  return text.charAt(0).toLocaleUpperCase(locale) + text.slice(1);
}

function date(ms: number, nowMs: number, long: boolean): string {
  const year = new Date(ms).getFullYear() === new Date(nowMs).getFullYear() ? undefined : ('numeric' as const);
  return long
    ? format({ weekday: 'long', day: 'numeric', month: 'long', year }).format(ms)
    : format(year ? { day: 'numeric', month: 'short', year } : { day: 'numeric', month: 'short' }).format(ms);
}

/** In the list: a time today, then Yesterday, a weekday, a date. */
export function listTime(ms: number, nowMs: number = Date.now()): string {
  const days = daysBetween(ms, nowMs);
  if (days <= 0) return clockTime(ms);
  if (days === 1) return relativeDay(1);
  if (days < 7) return format({ weekday: 'long' }).format(ms);
  return date(ms, nowMs, false);
}

/** Above a day: Today, Yesterday, a weekday, a date. */
export function dayLabel(ms: number, nowMs: number = Date.now()): string {
  const days = daysBetween(ms, nowMs);
  if (days === 0 || days === 1) return relativeDay(days);
  if (days > 1 && days < 7) return format({ weekday: 'long' }).format(ms);
  return date(ms, nowMs, true);
}

/** "2 minutes ago", "yesterday at 19:12", a date. */
export function agoLabel(ms: number, nowMs: number = Date.now()): string {
  const minutes = Math.max(0, Math.round((nowMs - ms) / 60_000));
  const relative = new Intl.RelativeTimeFormat(currentLanguage(), { numeric: 'auto' });
  if (minutes < 60) return relative.format(-minutes, 'minute');
  const days = daysBetween(ms, nowMs);
  if (days === 0) return relative.format(-Math.round(minutes / 60), 'hour');
  if (days < 30) return relative.format(-days, 'day');
  return date(ms, nowMs, false);
}

export function monthLabel(ms: number): string {
  return format({ month: 'long', year: 'numeric' }).format(ms);
}

export function weekdayLabels(firstDay: number): string[] {
  // 2024-09-01 was a Sunday.
  return Array.from({ length: 7 }, (_, i) => format({ weekday: 'narrow' }).format(new Date(2024, 8, 1 + ((firstDay + i) % 7), 12)));
}

export function longDate(ms: number): string {
  return format({ dateStyle: 'full' }).format(ms);
}
