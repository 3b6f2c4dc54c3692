import { List, Pin as PinIcon } from 'lucide-react';
import { useState } from 'react';
import { useText } from '@/app/i18n/i18n';
import { useUi } from '@/store/ui';
import { requestJump } from '../jumps';
import { quotedText } from '../messages/Quote';
import { usePins } from './usePins';
import './pins.css';

/** Under the header: what is pinned. A press goes to the message, and shows the next one. */
export function PinBar({ conversationId }: { conversationId: string }) {
  const t = useText();
  const pins = usePins(conversationId);
  const setPanel = useUi((ui) => ui.setPanel);
  /** The message of the pin that is shown; whatever is pinned anew comes first again. */
  const [shown, setShown] = useState<{ newest: string | null; index: number }>({ newest: null, index: 0 });
  if (pins.length === 0) return null;
  const newest = pins[0]?.message.messageId ?? null;
  const index = shown.newest === newest ? Math.min(shown.index, pins.length - 1) : 0;
  const pin = pins[index];
  if (!pin) return null;
  const text = quotedText(pin.message, t);
  const { seq } = pin.message;
  return (
    <div className="pin-bar">
      <button
        type="button"
        className="pin-shown"
        aria-label={t('pins.label', { text, place: index + 1, count: pins.length })}
        onClick={() => {
          if (seq !== null) requestJump({ seq });
          setShown({ newest, index: (index + 1) % pins.length });
        }}
      >
        <PinIcon size={16} strokeWidth={2.2} aria-hidden />
        <span className="pin-text one-line" dir="auto">
          {text}
        </span>
        {pins.length > 1 && <span className="numbers">{t('pins.place', { place: index + 1, count: pins.length })}</span>}
      </button>
      <button type="button" className="icon-button" aria-label={t('pins.all')} title={t('pins.all')} onClick={() => setPanel(true)}>
        <List size={18} strokeWidth={1.85} aria-hidden />
      </button>
    </div>
  );
}
