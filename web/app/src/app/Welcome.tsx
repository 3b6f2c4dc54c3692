import { Link2, UserRoundSearch } from 'lucide-react';
import { useText } from '@/app/i18n/i18n';
import { firstName } from '@/app/ui/identity';
import { useCopyLink } from '@/people/useCopyLink';
import { useMessenger, useSession, useStore } from '@/realtime/hooks';
import { useUi } from '@/store/ui';
import { modifierName } from './keys/platform';
import { Mark } from './ui/Mark';
import '@/chat/conversation/conversation.css';

/** Beside the list while no conversation is open. */
export function Welcome() {
  const t = useText();
  const { me } = useSession();
  const conversations = useStore(useMessenger().conversations);
  const show = useUi((ui) => ui.show);
  const copyLink = useCopyLink(me.handle);
  const isNew = conversations.length === 0;
  return (
    <main className="sheet sheet-center" id="main" data-covered="true">
      <div className="empty">
        <Mark size={64} />
        <h2>{isNew ? t('welcome.new', { name: `\u2068${firstName(me.name)}\u2069` }) : t('welcome.choose')}</h2>
        <p>{isNew ? t('welcome.newHint') : t('welcome.chooseHint')}</p>
        <div className="empty-actions">
          <button type="button" className="button" data-kind="primary" onClick={() => show({ type: 'new-conversation' })}>
            <UserRoundSearch size={18} strokeWidth={2} aria-hidden />
            {t('welcome.find')}
          </button>
          <button type="button" className="button" data-kind="plain" onClick={copyLink}>
            <Link2 size={18} strokeWidth={2} aria-hidden />
            {t('people.copyLink')}
          </button>
        </div>
        <small className="keys-hint">
          {t('welcome.keys')} <kbd>{modifierName()} K</kbd>
        </small>
      </div>
    </main>
  );
}
