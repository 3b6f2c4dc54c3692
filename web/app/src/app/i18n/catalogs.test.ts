import { readFileSync } from 'node:fs';
import { compileMessage } from '@lingui/message-utils/compileMessage';
import { describe, expect, it } from 'vitest';

type Texts = Record<string, string>;
const read = (language: string): Texts => JSON.parse(readFileSync(new URL(`./${language}.messages.json`, import.meta.url), 'utf8'));
const english = read('en');
const FORMS: Record<string, string[]> = { de: ['one', 'other'], ar: ['one', 'two', 'few', 'many', 'other'] };

/** The names of values in a compiled text: a part is `[name]` or `[name, kind, forms]`. */
function values(text: string): Set<string> {
  const names = new Set<string>();
  const walk = (part: unknown): void => {
    if (!Array.isArray(part)) return;
    const [name, , forms] = part as [unknown, unknown, unknown];
    if (typeof name === 'string' && part.length !== 2) names.add(name);
    if (forms && typeof forms === 'object') for (const form of Object.values(forms)) if (Array.isArray(form)) form.forEach(walk);
  };
  const compiled = compileMessage(text);
  if (Array.isArray(compiled)) compiled.forEach(walk);
  return names;
}

describe.each(['de', 'ar'])('%s', (language) => {
  const texts = read(language);

  it('has every text and no other', () => {
    expect(Object.keys(texts).sort()).toEqual(Object.keys(english).sort());
    for (const [key, text] of Object.entries(texts)) expect(text.trim() === '', key).toBe(false);
  });

  it('is well formed and names no value that the English text lacks', () => {
    for (const [key, text] of Object.entries(texts)) {
      compileMessage(text);
      const known = values(english[key] as string);
      for (const name of values(text)) expect(known.has(name), `${key}: ${name}`).toBe(true);
    }
  });

  it('has every form of its plurals', () => {
    for (const [key, text] of Object.entries(texts)) {
      if (!text.includes(', plural,')) continue;
      for (const form of FORMS[language] ?? []) expect(text.includes(`${form} {`), `${key}: ${form}`).toBe(true);
    }
  });
});
