import { X } from 'lucide-react';
import { useSyncExternalStore } from 'react';
import { useText } from '@/app/i18n/i18n';
import { update } from './worker';

/** Offers a newer build. Who says no gets it when the last tab is closed. */
export function UpdatePrompt() {
  const t = useText();
  const ready = useSyncExternalStore(update.subscribe, update.isReady);
  return (
    <div className="update-prompt" role="status">
      {ready && (
        <div>
          {t('update.ready')}
          <button type="button" className="button" data-kind="primary" data-size="small" onClick={update.take}>
            {t('update.reload')}
          </button>
          <button type="button" className="icon-button" aria-label={t('action.close')} title={t('action.close')} onClick={update.decline}>
            <X size={18} strokeWidth={1.85} aria-hidden />
          </button>
        </div>
      )}
    </div>
  );
}
