import { Archive, ArchiveRestore, Bell, BellOff, Check, Pin, PinOff } from 'lucide-react';
import { useText } from '@/app/i18n/i18n';
import type { MenuEntry } from '@/app/ui/Menu';
import { useMessenger } from '@/realtime/hooks';
import { useUi } from '@/store/ui';
import type { ConversationChange, ConversationRow } from '@/types';
import { errorText } from '../refusals';
import { isArchived, isMuted } from './setApart';

const HOUR_MS = 3_600_000;
/** As the server has it: the last day of the year 9999. */
const FOREVER_MS = 253_402_214_400_000;
const LEVELS = ['all', 'mentions', 'none'] as const;

/** What one may set for a conversation, for oneself. */
export function useConversationMenu(row: ConversationRow): (MenuEntry | 'line')[] {
  const t = useText();
  const messenger = useMessenger();
  const addToast = useUi((ui) => ui.addToast);
  const set = (change: () => ConversationChange) => () => {
    messenger.setForConversation(row.id, change()).catch((error: unknown) => addToast(errorText(error)));
  };
  const icon = { size: 18, strokeWidth: 1.85, 'aria-hidden': true };
  const now = Date.now();
  const muteFor = (ms: number) => set(() => ({ mutedUntilMs: Date.now() + ms }));
  const pin: MenuEntry =
    row.pinnedMs === null
      ? { id: 'pin', label: t('apart.pin'), icon: <Pin {...icon} />, act: set(() => ({ pinned: true })) }
      : { id: 'pin', label: t('apart.unpin'), icon: <PinOff {...icon} />, act: set(() => ({ pinned: false })) };
  const archive: MenuEntry = isArchived(row, now)
    ? { id: 'archive', label: t('apart.unarchive'), icon: <ArchiveRestore {...icon} />, act: set(() => ({ archived: false })) }
    : { id: 'archive', label: t('apart.archive'), icon: <Archive {...icon} />, act: set(() => ({ archived: true })) };
  const mute: MenuEntry[] = isMuted(row, now)
    ? [{ id: 'unmute', label: t('apart.unmute'), icon: <Bell {...icon} />, act: set(() => ({ mutedUntilMs: null })) }]
    : [
        { id: 'mute-hour', label: t('apart.muteHour'), icon: <BellOff {...icon} />, act: muteFor(HOUR_MS) },
        { id: 'mute-day', label: t('apart.muteDay'), icon: <BellOff {...icon} />, act: muteFor(24 * HOUR_MS) },
        { id: 'mute', label: t('apart.mute'), icon: <BellOff {...icon} />, act: set(() => ({ mutedUntilMs: FOREVER_MS })) },
      ];
  const levels = LEVELS.map(
    (level): MenuEntry => ({
      id: `level-${level}`,
      label: t(`apart.level.${level}`),
      icon: row.level === level ? <Check {...icon} /> : <span className="menu-no-icon" />,
      act: set(() => ({ level })),
    }),
  );
  return [pin, archive, 'line', ...mute, 'line', ...levels];
}
