import { setupI18n } from '@lingui/core';
import { useSyncExternalStore } from 'react';
import type texts from './en.messages.json';

export const LANGUAGES = [
  { code: 'en', name: 'English', dir: 'ltr' },
  { code: 'de', name: 'Deutsch', dir: 'ltr' },
  { code: 'ar', name: 'العربية', dir: 'rtl' },
] as const;

export type Language = (typeof LANGUAGES)[number]['code'];
export type TextKey = keyof typeof texts;
export type TextValues = Record<string, string | number>;

const i18n = setupI18n();
const loaders: Record<Language, () => Promise<{ default: Record<string, never> }>> = {
  en: () => import('./en.messages.json') as never,
  de: () => import('./de.messages.json') as never,
  ar: () => import('./ar.messages.json') as never,
};

export function currentLanguage(): Language {
  return (i18n.locale || 'en') as Language;
}

/** The first language of the browser that is complete here. */
export function preferredLanguage(wanted: readonly string[] = navigator.languages): Language {
  for (const tag of wanted) {
    const found = LANGUAGES.find(({ code }) => tag.toLowerCase().startsWith(code));
    if (found) return found.code;
  }
  return 'en';
}

export async function loadLanguage(language: Language): Promise<void> {
  const messages = (await loaders[language]()).default;
  i18n.load(language, messages);
  i18n.activate(language);
  const root = document.documentElement;
  root.lang = language;
  root.dir = LANGUAGES.find(({ code }) => code === language)?.dir ?? 'ltr';
}

/** The text of a key in the present language. */
export function t(key: TextKey, values?: TextValues): string {
  return i18n._(key, values);
}

const watch = (changed: () => void) => i18n.on('change', changed);

/** `t`, drawn anew when the language changes. */
export function useText(): typeof t {
  useSyncExternalStore(watch, currentLanguage);
  return t;
}

export function formatNumber(value: number): string {
  return new Intl.NumberFormat(currentLanguage() === 'ar' ? 'ar-u-nu-latn' : currentLanguage()).format(value);
}

/** Counts over 99 are "99+". */
export function badgeCount(count: number): string {
  return count > 99 ? '99+' : formatNumber(count);
}
