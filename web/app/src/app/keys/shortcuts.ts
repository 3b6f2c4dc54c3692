import type { TextKey } from '@/app/i18n/i18n';
import { isApple } from './platform';

export type ActionName =
  | 'switcher'
  | 'search'
  | 'searchMessages'
  | 'previous'
  | 'next'
  | 'previousUnread'
  | 'nextUnread'
  | 'escape'
  | 'allRead'
  | 'settings'
  | 'keyboard';

export interface Shortcut {
  /** What it does, or null for keys that their own place handles. */
  action: ActionName | null;
  section: 'anywhere' | 'list' | 'composer';
  text: TextKey;
  /** `Mod` is Ctrl, or Command on Apple's keyboards. */
  keys: string[];
  /** Works while one types. */
  inFields?: boolean;
}

/** Every shortcut. The page that shows them and the handlers both read this table. */
export const SHORTCUTS: readonly Shortcut[] = [
  { action: 'switcher', section: 'anywhere', text: 'keys.switcher', keys: ['Mod+K'], inFields: true },
  { action: 'search', section: 'anywhere', text: 'keys.search', keys: ['/'] },
  { action: 'searchMessages', section: 'anywhere', text: 'keys.searchMessages', keys: ['Mod+F'], inFields: true },
  { action: 'previous', section: 'anywhere', text: 'keys.previous', keys: ['Alt+ArrowUp'], inFields: true },
  { action: 'next', section: 'anywhere', text: 'keys.next', keys: ['Alt+ArrowDown'], inFields: true },
  { action: 'previousUnread', section: 'anywhere', text: 'keys.previousUnread', keys: ['Alt+Shift+ArrowUp'], inFields: true },
  { action: 'nextUnread', section: 'anywhere', text: 'keys.nextUnread', keys: ['Alt+Shift+ArrowDown'], inFields: true },
  { action: 'escape', section: 'anywhere', text: 'keys.escape', keys: ['Escape'], inFields: true },
  { action: 'allRead', section: 'anywhere', text: 'keys.allRead', keys: ['Shift+Escape'], inFields: true },
  { action: 'settings', section: 'anywhere', text: 'keys.settings', keys: ['Mod+,'], inFields: true },
  { action: 'keyboard', section: 'anywhere', text: 'keys.keyboard', keys: ['?'] },
  { action: null, section: 'list', text: 'keys.move', keys: ['ArrowUp', 'ArrowDown'] },
  { action: null, section: 'list', text: 'keys.page', keys: ['PageUp', 'PageDown'] },
  { action: null, section: 'list', text: 'keys.ends', keys: ['Home', 'End'] },
  { action: null, section: 'list', text: 'keys.actions', keys: ['Enter'] },
  { action: null, section: 'list', text: 'keys.reply', keys: ['R'] },
  { action: null, section: 'list', text: 'keys.edit', keys: ['E'] },
  { action: null, section: 'list', text: 'keys.copy', keys: ['C'] },
  { action: null, section: 'list', text: 'keys.delete', keys: ['Delete'] },
  { action: null, section: 'composer', text: 'keys.send', keys: ['Enter'] },
  { action: null, section: 'composer', text: 'keys.line', keys: ['Shift+Enter'] },
  { action: null, section: 'composer', text: 'keys.editLast', keys: ['ArrowUp'] },
  { action: null, section: 'composer', text: 'keys.bold', keys: ['Mod+B'] },
  { action: null, section: 'composer', text: 'keys.italic', keys: ['Mod+I'] },
  { action: null, section: 'composer', text: 'keys.code', keys: ['Mod+E'] },
];

interface Pressed {
  key: string;
  code: string;
  altKey: boolean;
  ctrlKey: boolean;
  metaKey: boolean;
  shiftKey: boolean;
}

/** The letter of a key; on layouts without Latin letters, the one printed there in most of the world. */
function letterOf(event: Pressed): string {
  if (/^[\x20-\x7e]$/.test(event.key)) return event.key.toUpperCase();
  const physical = /^Key([A-Z])$/.exec(event.code)?.[1];
  return physical ?? event.key;
}

/** Whether an event is this combination. */
export function matches(combination: string, event: Pressed, apple = isApple()): boolean {
  const parts = combination.split('+');
  const key = parts.pop() as string;
  const mod = apple ? event.metaKey : event.ctrlKey;
  const otherMod = apple ? event.ctrlKey : event.metaKey;
  if (parts.includes('Mod') !== mod || otherMod) return false;
  if (parts.includes('Alt') !== event.altKey) return false;
  const isSign = key.length === 1 && !/[A-Z0-9]/.test(key);
  // A sign may need Shift on one keyboard and not on another.
  if (!isSign && parts.includes('Shift') !== event.shiftKey) return false;
  return key.length === 1 ? letterOf(event) === key : event.key === key;
}

export function actionOf(event: Pressed, inField: boolean): ActionName | null {
  for (const shortcut of SHORTCUTS) {
    if (!shortcut.action || (inField && !shortcut.inFields)) continue;
    if (shortcut.keys.some((keys) => matches(keys, event))) return shortcut.action;
  }
  return null;
}
