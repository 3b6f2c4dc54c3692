import { dayLabel } from '@/app/i18n/dates';
import { useText } from '@/app/i18n/i18n';

/** The day of the first message on the screen, over the list. Press it to choose another. */
export function DayLabel({ atMs, hidden, onPress }: { atMs: number; hidden: boolean; onPress: () => void }) {
  const t = useText();
  return (
    <div className="floating-day" data-hidden={hidden || undefined}>
      <button
        type="button"
        className="day-pill"
        onClick={onPress}
        title={t('messages.jumpToDate')}
        aria-label={t('messages.jumpFrom', { day: dayLabel(atMs) })}
      >
        {dayLabel(atMs)}
      </button>
    </div>
  );
}
