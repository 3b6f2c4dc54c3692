import { t } from '@/app/i18n/i18n';
import { Mark } from './ui/Mark';
import '@/chat/conversation/conversation.css';

/** When not even the beginning could be loaded. */
export function Unavailable() {
  return (
    <main className="empty unavailable">
      <Mark size={64} />
      <h2>{t('unavailable.title')}</h2>
      <p>{t('unavailable.text')}</p>
      <div className="empty-actions">
        <button type="button" className="button" data-kind="primary" onClick={() => location.reload()}>
          {t('unavailable.again')}
        </button>
      </div>
    </main>
  );
}
