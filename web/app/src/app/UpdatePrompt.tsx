import { useSyncExternalStore } from 'react';
import { useText } from '@/app/i18n/i18n';
import { update } from './worker';

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
        </div>
      )}
    </div>
  );
}
