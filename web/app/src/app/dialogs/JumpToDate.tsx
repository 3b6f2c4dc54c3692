import { ChevronLeft, ChevronRight } from 'lucide-react';
import { type KeyboardEvent, useEffect, useRef, useState } from 'react';
import { longDate, monthLabel, weekdayLabels } from '@/app/i18n/dates';
import { currentLanguage, formatNumber, useText } from '@/app/i18n/i18n';
import { Dialog } from '@/app/ui/Dialog';
import { requestJump } from '@/chat/jumps';
import { daysOfMonth, firstDayOfWeek, sameDay } from './calendar';
import './calendar.css';

const STEPS: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -7, ArrowDown: 7 };

/** A month of days. A day shows its first message, or the next one after it. */
export default function JumpToDate({ atMs, onClose }: { atMs: number; onClose: () => void }) {
  const t = useText();
  const [day, setDay] = useState(() => new Date(new Date(atMs).setHours(0, 0, 0, 0)));
  const grid = useRef<HTMLTableElement>(null);
  const moved = useRef(true);
  const today = new Date(new Date().setHours(0, 0, 0, 0));
  const firstDay = firstDayOfWeek(currentLanguage());
  const weeks = daysOfMonth(day, firstDay);

  // biome-ignore lint/correctness/useExhaustiveDependencies: the focus follows the chosen day
  useEffect(() => {
    if (moved.current) grid.current?.querySelector<HTMLElement>('[tabindex="0"]')?.focus();
  }, [day]);

  const go = (next: Date) => setDay(next > today ? today : next);
  const month = (step: number) => {
    moved.current = false;
    const next = new Date(day.getFullYear(), day.getMonth() + step, 1);
    next.setDate(Math.min(day.getDate(), new Date(next.getFullYear(), next.getMonth() + 1, 0).getDate()));
    go(next);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const rtl = document.documentElement.dir === 'rtl';
    let step = STEPS[event.key];
    if (step === undefined) {
      if (event.key !== 'PageUp' && event.key !== 'PageDown') return;
      event.preventDefault();
      month(event.key === 'PageUp' ? -1 : 1);
      moved.current = true;
      return;
    }
    if (rtl && Math.abs(step) === 1) step = -step;
    event.preventDefault();
    moved.current = true;
    go(new Date(day.getFullYear(), day.getMonth(), day.getDate() + step));
  };
  const choose = (chosen: Date) => {
    onClose();
    requestJump({ atMs: chosen.getTime() });
  };

  return (
    <Dialog title={t('messages.jumpToDate')} onClose={onClose}>
      <div className="dialog-body calendar">
        <div className="calendar-head">
          <button type="button" className="icon-button" aria-label={t('calendar.before')} onClick={() => month(-1)}>
            <ChevronLeft className="mirrored" size={20} strokeWidth={1.85} aria-hidden />
          </button>
          <h3 aria-live="polite">{monthLabel(day.getTime())}</h3>
          <button
            type="button"
            className="icon-button"
            aria-label={t('calendar.after')}
            disabled={day.getFullYear() === today.getFullYear() && day.getMonth() === today.getMonth()}
            onClick={() => month(1)}
          >
            <ChevronRight className="mirrored" size={20} strokeWidth={1.85} aria-hidden />
          </button>
        </div>
        <table ref={grid} onKeyDown={onKeyDown}>
          <thead>
            <tr>
              {weekdayLabels(firstDay).map((label, index) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: seven columns, always the same
                <th key={index} scope="col">
                  {label}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {weeks.map((week) => (
              <tr key={week.find((date) => date)?.getTime()}>
                {week.map((date, index) => (
                  // biome-ignore lint/suspicious/noArrayIndexKey: seven columns, always the same
                  <td key={index}>
                    {date && (
                      <button
                        type="button"
                        tabIndex={sameDay(date, day) ? 0 : -1}
                        disabled={date > today}
                        aria-label={longDate(date.getTime())}
                        aria-current={sameDay(date, today) ? 'date' : undefined}
                        data-chosen={sameDay(date, day) || undefined}
                        onClick={() => choose(date)}
                      >
                        {formatNumber(date.getDate())}
                      </button>
                    )}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Dialog>
  );
}
