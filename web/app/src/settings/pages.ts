import { CircleHelp, Keyboard, Languages, Laptop, Palette, ShieldCheck, UserRound } from 'lucide-react';
import type { TextKey } from '@/app/i18n/i18n';

export const PAGES = [
  { name: 'account', icon: UserRound },
  { name: 'devices', icon: Laptop },
  { name: 'privacy', icon: ShieldCheck },
  { name: 'look', icon: Palette },
  { name: 'keyboard', icon: Keyboard },
  { name: 'language', icon: Languages },
  { name: 'about', icon: CircleHelp },
] as const;

export type PageName = (typeof PAGES)[number]['name'];

export const pageTitle = (name: PageName): TextKey => `settings.${name}`;

export function pageOf(name: string | undefined): PageName | null {
  return PAGES.find((page) => page.name === name)?.name ?? null;
}
