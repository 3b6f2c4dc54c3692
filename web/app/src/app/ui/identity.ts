/** The eight hues of people. */
const HUES = [58, 95, 135, 165, 215, 255, 295, 345];

/** FNV-1a over the id's code units, so that a person has one colour on every device. */
export function hueOf(id: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < id.length; i += 1) {
    hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193) >>> 0;
  }
  return HUES[hash % HUES.length] as number;
}

const segmenter = typeof Intl.Segmenter === 'function' ? new Intl.Segmenter(undefined, { granularity: 'grapheme' }) : null;

function firstGrapheme(word: string): string {
  if (!segmenter) return [...word][0] ?? '';
  for (const { segment } of segmenter.segment(word)) return segment;
  return '';
}

/** One or two graphemes that stand for a name. */
export function initialsOf(name: string): string {
  const words = name
    .trim()
    .split(/\s+/u)
    .filter((word) => /[\p{L}\p{N}\p{Extended_Pictographic}]/u.test(word));
  const letters = words.map((word) => firstGrapheme(word.replace(/^[^\p{L}\p{N}\p{Extended_Pictographic}]+/u, '')));
  const picked = letters.length > 1 ? [letters[0], letters[letters.length - 1]] : letters.slice(0, 1);
  return picked.join('').toLocaleUpperCase() || '?';
}

/** What people call each other: the first word of the name. */
export function firstName(name: string): string {
  return name.trim().split(/\s+/u)[0] || name;
}
