import { readdirSync, readFileSync } from 'node:fs';

const FOLDER = new URL('../../../../../tests/conformance/', import.meta.url);

/** One thing that happens, is sent, or is expected: an object with one field. See tests/conformance/README.md. */
export type Step = Readonly<Record<string, unknown>>;

export interface Script {
  name: string;
  says: string;
  config?: Record<string, number>;
  stored_position?: string;
  steps: Step[];
}

export function scripts(): Script[] {
  const names = readdirSync(FOLDER).filter((name) => name.endsWith('.json'));
  return names.sort().map((name) => JSON.parse(readFileSync(new URL(name, FOLDER), 'utf8')) as Script);
}

/** A ULID that is a number. */
export function id(n: number): string {
  const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
  let text = '';
  for (let rest = n, digit = 0; digit < 26; digit += 1) {
    text = alphabet.charAt(rest % 32) + text;
    rest = Math.floor(rest / 32);
  }
  return text;
}

export const ME: string = id(7);
export const OTHER: string = id(8);
export const conversation = (n: number): string => id(1000 + n);

/** Puts values in the place of `$` words. `keys` are the client ids of sends by name. */
export function fill<T>(value: T, keys: ReadonlyMap<string, string>): T {
  if (typeof value === 'string') return word(value, keys) as T;
  if (Array.isArray(value)) return value.map((item: unknown) => fill(item, keys)) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, fill(item as unknown, keys)])) as T;
}

function word(text: string, keys: ReadonlyMap<string, string>): string {
  if (!text.startsWith('$')) return text;
  if (text === '$me') return ME;
  if (text === '$other') return OTHER;
  const [, kind, rest] = /^\$(chain|key:|c|m|p)(.+)$/.exec(text) ?? [];
  switch (kind) {
    case 'key:':
      return keys.get(rest ?? '') ?? `no key ${rest}`;
    case 'chain':
      return `c:${conversation(Number(rest))}`;
    case 'c':
      return conversation(Number(rest));
    case 'm':
      return id(5000 + Number(rest));
    case 'p':
      return `position-${rest}`;
    default:
      throw new Error(`${text} means nothing`);
  }
}
