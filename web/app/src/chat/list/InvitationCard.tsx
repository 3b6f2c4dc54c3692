import { useState } from 'react';
import { useLocation } from 'wouter';
import { useText } from '@/app/i18n/i18n';
import { Avatar } from '@/app/ui/Avatar';
import { useMessenger } from '@/realtime/hooks';
import { useUi } from '@/store/ui';
import type { InvitationRow } from '@/types';
import { errorText } from '../refusals';

export function InvitationCard({ invitation }: { invitation: InvitationRow }) {
  const t = useText();
  const messenger = useMessenger();
  const addToast = useUi((ui) => ui.addToast);
  const [, navigate] = useLocation();
  const [busy, setBusy] = useState(false);
  const id = invitation.conversationId;
  const answer = async (accepts: boolean) => {
    setBusy(true);
    try {
      await (accepts ? messenger.accept(id) : messenger.decline(id));
      if (accepts) navigate(`/c/${id}`);
    } catch (error) {
      addToast(errorText(error));
      setBusy(false);
    }
  };
  return (
    <article className="invitation" aria-label={t('invitation.label', { title: invitation.title })}>
      <Avatar id={id} name={invitation.title} size={44} shape="group" />
      <div className="invitation-text">
        <bdi className="row-name one-line">{invitation.title}</bdi>
        <p>{t('invitation.by', { name: `\u2068${invitation.invitedBy.name}\u2069`, count: invitation.memberCount })}</p>
        <div className="invitation-actions">
          <button type="button" className="button" data-kind="primary" data-size="small" disabled={busy} onClick={() => answer(true)}>
            {t('invitation.join')}
          </button>
          <button type="button" className="button" data-kind="plain" data-size="small" disabled={busy} onClick={() => answer(false)}>
            {t('action.decline')}
          </button>
        </div>
      </div>
    </article>
  );
}
