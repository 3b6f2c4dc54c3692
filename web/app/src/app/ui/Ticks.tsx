import { useText } from '@/app/i18n/i18n';
import type { SendState } from '@/types';
import './ticks.css';

export interface TicksProps {
  state: SendState;
  /** How many of the others have read it, and how many others there are; 0 where that is not told. */
  readBy?: number;
  readOf?: number;
  /** Whether devices of all of them have it. */
  delivered?: boolean;
}

/**
 * Where one's own message is: a clock while it waits in this browser, a tick once the server stored it, two when devices of all
 * others have it, and two in another colour when all others have read it.
 */
export function Ticks({ state, readBy = 0, readOf = 0, delivered = false }: TicksProps) {
  const t = useText();
  if (state === 'failed') return null;
  const isRead = state === 'sent' && readBy > 0 && readBy === readOf;
  const label =
    state === 'pending'
      ? t('tick.sending')
      : isRead && readOf === 1
        ? t('tick.read')
        : readBy > 0
          ? t('tick.readBy', { count: readBy, of: readOf })
          : t(delivered ? 'tick.delivered' : 'tick.sent');
  return (
    <svg
      className="ticks"
      data-state={isRead ? 'read' : state === 'sent' && delivered ? 'delivered' : state}
      role="img"
      aria-label={label}
      viewBox="0 0 18 12"
    >
      <title>{label}</title>
      {state === 'pending' && (
        <g>
          <circle cx="9" cy="6" r="4.8" />
          <path d="M9 3.4V6l1.8 1.1" />
        </g>
      )}
      {state === 'sent' &&
        (isRead || delivered ? <path d="M1.5 6.6 4.6 9.6 10.8 2.6M7.6 8.4 8.8 9.6 15 2.6" /> : <path d="M4.5 6.6 7.6 9.6 13.8 2.6" />)}
    </svg>
  );
}
