import { listTime } from '@/app/i18n/dates';
import type { useText } from '@/app/i18n/i18n';
import type { Presence } from '@/types';

/** "online", "last seen 14:02"; nothing where nothing is told. */
export function presenceText({ state, lastSeenMs }: Presence, t: ReturnType<typeof useText>): string {
  if (state === 'online') return t('presence.online');
  if (state === 'idle') return t('presence.idle');
  if (state === 'do_not_disturb') return t('presence.busy');
  return lastSeenMs === null ? '' : t('presence.lastSeen', { time: listTime(lastSeenMs) });
}
