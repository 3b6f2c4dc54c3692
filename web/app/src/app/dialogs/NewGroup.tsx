import { type FormEvent, useState } from 'react';
import { useLocation } from 'wouter';
import { useText } from '@/app/i18n/i18n';
import { Dialog, DialogActions } from '@/app/ui/Dialog';
import { Field } from '@/app/ui/Field';
import { useMessenger } from '@/realtime/hooks';
import type { Person } from '@/types';
import { PeoplePicker } from './PeoplePicker';
import { useWork } from './useWork';

/** One key for the dialog's life: a repeated press after a lost answer finds the same group. */
const newKey = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');

export default function NewGroup({ onClose }: { onClose: () => void }) {
  const t = useText();
  const messenger = useMessenger();
  const [, navigate] = useLocation();
  const [title, setTitle] = useState('');
  const [picked, setPicked] = useState<Person[]>([]);
  const [key] = useState(newKey);
  const { busy, error, run } = useWork();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void run(async () => {
      const id = await messenger.createGroup(
        title.trim(),
        picked.map((person) => person.id),
        key,
      );
      onClose();
      navigate(`/c/${id}`);
    });
  };
  return (
    <Dialog title={t('group.new')} onClose={onClose}>
      <form className="dialog-form" onSubmit={submit}>
        <div className="dialog-body scrolls">
          <Field
            label={t('group.name')}
            value={title}
            onChange={setTitle}
            maxLength={100}
            required
            autoFocus
            dir="auto"
            note={error ?? ''}
            tone={error ? 'bad' : undefined}
          />
          <PeoplePicker picked={picked} onChange={setPicked} />
        </div>
        <DialogActions>
          <button type="button" className="button" data-kind="plain" onClick={onClose}>
            {t('action.cancel')}
          </button>
          <button type="submit" className="button" data-kind="primary" disabled={busy || !title.trim()}>
            {t('group.create')}
          </button>
        </DialogActions>
      </form>
    </Dialog>
  );
}
