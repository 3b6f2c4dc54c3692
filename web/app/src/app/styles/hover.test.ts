import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const SOURCES = fileURLToPath(new URL('../..', import.meta.url));

/** Selectors with `:hover` that also hold where nothing hovers. */
function unguarded(css: string): string[] {
  const found: string[] = [];
  const open: string[] = [];
  for (const [, prelude = '', brace] of css.replace(/\/\*.*?\*\//gs, '').matchAll(/([^{};]*)([{};])/g)) {
    if (brace === '}') open.pop();
    if (brace !== '{') continue;
    const rule = prelude.trim();
    if (rule.includes(':hover') && !open.includes('@media (hover: hover)')) found.push(rule);
    open.push(rule);
  }
  return found;
}

it('finds what a tap would leave behind', () => {
  expect(unguarded('a:hover { color: red } @media (hover: hover) { b:hover { color: red } }')).toEqual(['a:hover']);
});

it('leaves no hover behind after a tap, in any style sheet', () => {
  const sheets = globSync('**/*.css', { cwd: SOURCES });
  expect(sheets.length).toBeGreaterThan(10);
  expect(sheets.flatMap((path) => unguarded(readFileSync(`${SOURCES}/${path}`, 'utf8')).map((rule) => `${path}: ${rule}`))).toEqual([]);
});
