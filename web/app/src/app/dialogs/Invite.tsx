import { type FormEvent, useMemo, useState } from 'react';
import { useText } from '@/app/i18n/i18n';
import { Dialog, DialogActions } from '@/app/ui/Dialog';
import { useMembers } from '@/chat/groups/useMembers';
import { useMessenger } from '@/realtime/hooks';
import { useUi } from '@/store/ui';
import type { Person } from '@/types';
import { PeoplePicker } from './PeoplePicker';
import { useWork } from './useWork';

export default function Invite({ conversationId, onClose }: { conversationId: string; onClose: () => void }) {
  const t = useText();
  const messenger = useMessenger();
  const addToast = useUi((ui) => ui.addToast);
  const [picked, setPicked] = useState<Person[]>([]);
  const { members } = useMembers(conversationId);
  const without = useMemo(() => new Set(members.map(({ id }) => id)), [members]);
  const { busy, error, run } = useWork();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void run(async () => {
      const { added, invited } = await messenger.invite(
        conversationId,
        picked.map((person) => person.id),
      );
      onClose();
      addToast(t('group.invitedToast', { added, invited }));
    });
  };
  return (
    <Dialog title={t('group.add')} onClose={onClose}>
      <form className="dialog-form" onSubmit={submit}>
        <div className="dialog-body scrolls">
          <p className="field-hint">{t('group.addHint')}</p>
          <PeoplePicker picked={picked} onChange={setPicked} without={without} autoFocus />
          {error && (
            <p className="notice" role="alert">
              {error}
            </p>
          )}
        </div>
        <DialogActions>
          <button type="button" className="button" data-kind="plain" onClick={onClose}>
            {t('action.cancel')}
          </button>
          <button type="submit" className="button" data-kind="primary" disabled={busy || picked.length === 0}>
            {t('group.addCount', { count: picked.length })}
          </button>
        </DialogActions>
      </form>
    </Dialog>
  );
}
