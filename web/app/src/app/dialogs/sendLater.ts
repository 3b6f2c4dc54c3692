import type { TextKey } from '@/app/i18n/i18n';

/** A moment as a field of day and time has it, in the device's zone. */
export function fieldOf(atMs: number): string {
  const at = new Date(atMs);
  const two = (value: number) => String(value).padStart(2, '0');
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}T${two(at.getHours())}:${two(at.getMinutes())}`;
}

/** The inverse; null for what is no moment. */
export function momentOf(field: string): number | null {
  const atMs = new Date(field).getTime();
  return Number.isNaN(atMs) ? null : atMs;
}

/** The key of a new message. No ULID: it is sent by the server's clock, and this device's may be ahead of it. */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return `later-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}

/** What people choose most: those that are still to come. */
export function choices(nowMs: number): readonly { text: TextKey; atMs: number }[] {
  const at = (days: number, hour: number) => {
    const day = new Date(nowMs);
    return new Date(day.getFullYear(), day.getMonth(), day.getDate() + days, hour).getTime();
  };
  const evening = at(0, 19);
  return [
    { text: 'later.hour', atMs: nowMs + 3_600_000 },
    ...(evening > nowMs + 3_600_000 ? [{ text: 'later.evening' as const, atMs: evening }] : []),
    { text: 'later.tomorrow', atMs: at(1, 9) },
  ];
}
