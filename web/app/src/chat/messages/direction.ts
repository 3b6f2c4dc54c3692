/** Mentions are isolated and say nothing about the text around them. */
const MENTION = /@[a-z0-9_]+/g;
const STRONG = /[\p{L}]/u;
const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;

/** The direction of a text by its first strong letter, or null where it has none. */
export function textDirection(text: string): 'ltr' | 'rtl' | null {
  const letter = STRONG.exec(text.slice(0, 500).replace(MENTION, ''))?.[0];
  if (!letter) return null;
  return RIGHT_TO_LEFT.test(letter) ? 'rtl' : 'ltr';
}
