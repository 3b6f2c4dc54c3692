import { type Check, shapes } from '../generated/shapes.ts';

const ALL: ReadonlyMap<string, Readonly<Record<string, Check>>> = new Map(Object.entries(shapes));

/** Whether this version knows the type. */
export function isKnownType(type: string): boolean {
  return ALL.has(type);
}

/** Whether a frame of a known type has the fields that this version relies on. An unknown type has not. */
export function isWellFormed(frame: Readonly<Record<string, unknown>>): boolean {
  const shape = ALL.get(String(frame['type']));
  if (shape === undefined) return false;
  return Object.entries(shape).every(([field, check]) => passes(frame[field], check));
}

function passes(value: unknown, check: Check): boolean {
  if (check.endsWith('?')) return value === undefined || value === null || passes(value, check.slice(0, -1));
  switch (check) {
    case 'strings':
      return Array.isArray(value) && value.every((item) => typeof item === 'string');
    case 'array':
      return Array.isArray(value);
    case 'tagged':
      return typeof (value as { type?: unknown } | null)?.type === 'string';
    default:
      return value !== null && typeof value === check;
  }
}
