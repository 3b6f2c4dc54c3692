import { type FormEvent, useState } from 'react';
import { fullTime } from '@/app/i18n/dates';
import { useText } from '@/app/i18n/i18n';
import { Dialog, DialogActions } from '@/app/ui/Dialog';
import { Field } from '@/app/ui/Field';
import { useMessenger } from '@/realtime/hooks';
import { useUi } from '@/store/ui';
import { choices, fieldOf, momentOf, newKey } from './sendLater';
import { useWork } from './useWork';

export interface SendLaterProps {
  conversationId: string;
  text: string;
  replyTo: string | null;
  /** Of a message that waits already; what is in the composer has none. */
  key: string | null;
  atMs: number | null;
}

/** When a message is to be sent. */
export default function SendLater({ of, onClose }: { of: SendLaterProps; onClose: () => void }) {
  const t = useText();
  const messenger = useMessenger();
  const addToast = useUi((ui) => ui.addToast);
  const setCompose = useUi((ui) => ui.setCompose);
  const [now] = useState(() => Date.now());
  // Pressed again after an answer that was lost, it is the same message.
  const [key] = useState(() => of.key ?? newKey());
  const [field, setField] = useState(() => fieldOf(of.atMs ?? now + 3_600_000));
  const { busy, error, run } = useWork();
  const atMs = momentOf(field);
  const isPast = atMs === null || atMs <= now;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (atMs === null || isPast) return;
    void run(async () => {
      await messenger.schedule(of.conversationId, key, of.text, atMs, of.replyTo);
      // What was written meanwhile, in another tab, stays.
      if (of.key === null && messenger.drafts.get().get(of.conversationId)?.trim() === of.text) {
        messenger.setDraft(of.conversationId, '');
        setCompose(null);
      }
      addToast(t('later.done', { time: fullTime(atMs) }));
      onClose();
    });
  };
  return (
    <Dialog title={t(of.key === null ? 'later.title' : 'later.change')} onClose={onClose}>
      <form className="dialog-form" onSubmit={submit}>
        <div className="dialog-body">
          <p className="scheduled-text" dir="auto">
            {of.text}
          </p>
          <div className="scheduled-choices">
            {choices(now).map((choice) => (
              <button key={choice.text} type="button" className="button" data-kind="plain" onClick={() => setField(fieldOf(choice.atMs))}>
                {t(choice.text)}
              </button>
            ))}
          </div>
          <Field
            label={t('later.at')}
            type="datetime-local"
            value={field}
            min={fieldOf(now)}
            onChange={setField}
            required
            note={error ?? (isPast ? t('later.past') : '')}
            tone={error || isPast ? 'bad' : undefined}
          />
        </div>
        <DialogActions>
          <button type="button" className="button" data-kind="plain" onClick={onClose}>
            {t('action.cancel')}
          </button>
          <button type="submit" className="button" data-kind="primary" disabled={busy || isPast}>
            {t(of.key === null ? 'later.schedule' : 'later.save')}
          </button>
        </DialogActions>
      </form>
    </Dialog>
  );
}
