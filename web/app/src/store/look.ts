import { create } from 'zustand';
import { type Language, loadLanguage, preferredLanguage } from '@/app/i18n/i18n';

export type Theme = 'system' | 'light' | 'dark';
export type Density = 'cosy' | 'compact';

/** What `public/theme.js` reads before the first paint. */
const KEY = 'relayhub.look';
export const TEXT_SIZES = [87.5, 100, 112.5, 125, 150] as const;

interface Stored {
  theme: Theme;
  density: Density;
  language: Language | 'system';
  textSize: number;
  /** Enter sends; otherwise it makes a line and Ctrl+Enter sends. */
  enterSends: boolean;
  /** Single letters act in the message list (WCAG 2.1.4). */
  letterKeys: boolean;
  listWidth: number;
}

interface Look extends Stored {
  change: (change: Partial<Stored>) => void;
}

const DEFAULTS: Stored = {
  theme: 'system',
  density: 'cosy',
  language: 'system',
  textSize: 100,
  enterSends: true,
  letterKeys: true,
  listWidth: 328,
};

function read(): Stored {
  try {
    return { ...DEFAULTS, ...(JSON.parse(localStorage.getItem(KEY) ?? '{}') as Partial<Stored>) };
  } catch {
    return DEFAULTS;
  }
}

function write(stored: Stored): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(stored));
  } catch {
    // Private mode: the choice holds for this visit.
  }
}

const darkSystem = window.matchMedia('(prefers-color-scheme: dark)');
const GROUNDS = { light: '#f0efea', dark: '#0b1011' };

export function languageOf(choice: Language | 'system'): Language {
  return choice === 'system' ? preferredLanguage() : choice;
}

function paint(look: Stored): void {
  const root = document.documentElement;
  const theme = look.theme === 'system' ? (darkSystem.matches ? 'dark' : 'light') : look.theme;
  root.dataset.theme = theme;
  root.style.colorScheme = theme;
  root.dataset.density = look.density;
  root.style.fontSize = look.textSize === 100 ? '' : `${look.textSize}%`;
  root.style.setProperty('--list-width', `${look.listWidth / 16}rem`);
  document.querySelector('meta[name="theme-color"]')?.setAttribute('content', GROUNDS[theme]);
}

/** Theme, density, size, language and keys. They belong to this browser, not to the person: logging out keeps them. */
export const useLook = create<Look>((set, get) => ({
  ...read(),
  change: (change) => {
    set(change);
    const { change: _, ...stored } = get();
    write(stored);
    paint(stored);
    if (change.language) void loadLanguage(languageOf(change.language));
  },
}));

paint(useLook.getState());
darkSystem.addEventListener('change', () => paint(useLook.getState()));
