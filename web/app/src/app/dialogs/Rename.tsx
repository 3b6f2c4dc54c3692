import { type FormEvent, useState } from 'react';
import { useText } from '@/app/i18n/i18n';
import { Dialog, DialogActions } from '@/app/ui/Dialog';
import { Field } from '@/app/ui/Field';
import { useMessenger } from '@/realtime/hooks';
import { useWork } from './useWork';

export default function Rename({ conversationId, title, onClose }: { conversationId: string; title: string; onClose: () => void }) {
  const t = useText();
  const messenger = useMessenger();
  const [next, setNext] = useState(title);
  const { busy, error, run } = useWork();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void run(async () => {
      await messenger.rename(conversationId, next.trim());
      onClose();
    });
  };
  return (
    <Dialog title={t('group.rename')} onClose={onClose}>
      <form className="dialog-form" onSubmit={submit}>
        <div className="dialog-body">
          <Field
            label={t('group.name')}
            value={next}
            onChange={setNext}
            maxLength={100}
            required
            autoFocus
            dir="auto"
            note={error ?? ''}
            tone={error ? 'bad' : undefined}
          />
        </div>
        <DialogActions>
          <button type="button" className="button" data-kind="plain" onClick={onClose}>
            {t('action.cancel')}
          </button>
          <button type="submit" className="button" data-kind="primary" disabled={busy || !next.trim() || next.trim() === title}>
            {t('action.save')}
          </button>
        </DialogActions>
      </form>
    </Dialog>
  );
}
