import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const css = readFileSync(new URL('./tokens.css', import.meta.url), 'utf8');

/** The colours of each theme, in the order of the file: light, dark, contrast light, contrast dark. */
function themes(): Record<string, Record<string, string>> {
  const blocks = [...css.matchAll(/\{([^{}]*--ground:[^{}]*)\}/g)].map((match) => match[1] as string);
  const names = ['light', 'dark', 'contrast light', 'contrast dark'];
  return Object.fromEntries(
    blocks.map((block, index) => [
      names[index],
      Object.fromEntries([...block.matchAll(/--([\w-]+): (#[0-9a-f]{6});/g)].map((match) => [match[1], match[2]])),
    ]),
  );
}

function luminance(hex: string): number {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const value = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string): number {
  const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

const GROUNDS = ['ground', 'sheet', 'raised', 'field', 'bubble-in', 'bubble-out'];
const PAIRS: [string, string[], number][] = [
  ['text', [...GROUNDS, 'accent-soft', 'copper-soft'], 7],
  ['text-2', GROUNDS, 4.5],
  ['text-3', ['ground', 'sheet', 'raised', 'field'], 4.5],
  ['accent-text', [...GROUNDS, 'accent-soft'], 4.5],
  ['copper-text', ['ground', 'sheet', 'raised', 'copper-soft'], 4.5],
  ['danger-text', ['ground', 'sheet', 'raised', 'danger-soft'], 4.5],
  ['on-accent', ['accent', 'accent-hover', 'copper', 'danger'], 4.5],
  ['on-ink', ['ink'], 7],
  ['focus', ['ground', 'sheet', 'raised', 'field'], 3],
  ['line-strong', ['ground', 'sheet', 'raised'], 3],
  ['accent', ['ground', 'sheet', 'raised'], 3],
];

describe.each(Object.entries(themes()))('%s', (_name, colours) => {
  it.each(PAIRS)('%s is readable', (text, grounds, least) => {
    for (const ground of grounds) {
      expect(contrast(colours[text] as string, colours[ground] as string), `${text} on ${ground}`).toBeGreaterThanOrEqual(least);
    }
  });
});

it('has four themes', () => {
  expect(Object.keys(themes())).toEqual(['light', 'dark', 'contrast light', 'contrast dark']);
});
