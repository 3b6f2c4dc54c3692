import { useState } from 'react';
import { useLocation } from 'wouter';
import { useText } from '@/app/i18n/i18n';
import { useMessenger } from '@/realtime/hooks';
import { useUi } from '@/store/ui';
import type { ConversationRow } from '@/types';
import { errorText } from '../refusals';

/** In the composer's place while a conversation that another began is not answered. */
export function RequestBar({ conversation }: { conversation: ConversationRow }) {
  const t = useText();
  const messenger = useMessenger();
  const [, navigate] = useLocation();
  const addToast = useUi((ui) => ui.addToast);
  const [busy, setBusy] = useState(false);
  const answer = async (accepts: boolean) => {
    setBusy(true);
    try {
      await (accepts ? messenger.accept(conversation.id) : messenger.decline(conversation.id));
      if (!accepts) navigate('/');
    } catch (error) {
      addToast(errorText(error));
      setBusy(false);
    }
  };
  return (
    <div className="request-bar">
      <p>{t('request.question', { name: `\u2068${conversation.title}\u2069` })}</p>
      <div>
        <button type="button" className="button" data-kind="plain" disabled={busy} onClick={() => answer(false)}>
          {t('action.decline')}
        </button>
        <button type="button" className="button" data-kind="primary" disabled={busy} onClick={() => answer(true)}>
          {t('action.accept')}
        </button>
      </div>
    </div>
  );
}
