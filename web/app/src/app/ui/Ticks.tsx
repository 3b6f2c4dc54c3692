import { useText } from '@/app/i18n/i18n';
import type { SendState } from '@/types';
import './ticks.css';

/** Where one's own message is: a clock while it waits in this browser, a tick once the server stored it. */
export function Ticks({ state }: { state: SendState }) {
  const t = useText();
  if (state === 'failed') return null;
  const label = state === 'pending' ? t('tick.sending') : t('tick.sent');
  return (
    <svg className="ticks" data-state={state} role="img" aria-label={label} viewBox="0 0 18 12">
      <title>{label}</title>
      {state === 'pending' ? (
        <g>
          <circle cx="9" cy="6" r="4.8" />
          <path d="M9 3.4V6l1.8 1.1" />
        </g>
      ) : (
        <path d="M4.5 6.6 7.6 9.6 13.8 2.6" />
      )}
    </svg>
  );
}
