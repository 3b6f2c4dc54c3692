import { useText } from '@/app/i18n/i18n';
import { Mark } from './ui/Mark';
import '@/chat/conversation/conversation.css';

/** When a newer build in another tab has taken the store over: this one has nothing to show any more. */
export function Outdated() {
  const t = useText();
  return (
    <main className="empty unavailable" id="main">
      <Mark size={64} />
      <h2>{t('outdated.title')}</h2>
      <p>{t('outdated.text')}</p>
      <div className="empty-actions">
        <button type="button" className="button" data-kind="primary" onClick={() => location.reload()}>
          {t('update.reload')}
        </button>
      </div>
    </main>
  );
}
