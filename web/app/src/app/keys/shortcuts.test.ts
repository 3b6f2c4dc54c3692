import { describe, expect, it } from 'vitest';
import { actionOf, matches, SHORTCUTS } from './shortcuts';

const press = (
  key: string,
  more: Partial<{ code: string; altKey: boolean; ctrlKey: boolean; metaKey: boolean; shiftKey: boolean }> = {},
) => ({
  key,
  code: '',
  altKey: false,
  ctrlKey: false,
  metaKey: false,
  shiftKey: false,
  ...more,
});

describe('shortcuts', () => {
  it('finds the key on other layouts', () => {
    expect(matches('Mod+K', press('л', { code: 'KeyK', ctrlKey: true }), false)).toBe(true);
    expect(matches('Mod+K', press('k', { metaKey: true }), true)).toBe(true);
    expect(matches('Mod+K', press('k', { ctrlKey: true }), true)).toBe(false);
  });

  it('takes signs wherever they are', () => {
    expect(matches('?', press('?', { shiftKey: true }), false)).toBe(true);
    expect(matches('/', press('/', { shiftKey: true }), false)).toBe(true);
  });

  it('leaves signs to fields', () => {
    expect(actionOf(press('?'), true)).toBeNull();
    expect(actionOf(press('?'), false)).toBe('keyboard');
    expect(actionOf(press('Escape', { shiftKey: true }), true)).toBe('allRead');
  });

  it('has no two actions on one key', () => {
    const keys = SHORTCUTS.filter((shortcut) => shortcut.action).flatMap((shortcut) => shortcut.keys);
    expect(new Set(keys).size).toBe(keys.length);
  });
});
