import { type Check, shapes } from '../generated/shapes.ts';

/** What the document does not describe yet. */
const OWN: Readonly<Record<string, Readonly<Record<string, Check>>>> = {
  READ_MARK_MOVED: { at_ms: 'number', conversation_id: 'string', read_seq: 'number' },
  SESSION_STARTED: { at_ms: 'number' },
  PROFILE_CHANGED: { at_ms: 'number' },
  user_typing: { conversation_id: 'string', user_id: 'string', state: 'string', until_ms: 'number?' },
};

const ALL: ReadonlyMap<string, Readonly<Record<string, Check>>> = new Map([...Object.entries(OWN), ...Object.entries(shapes)]);

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
