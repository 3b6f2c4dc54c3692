import { type FormEvent, useEffect, useState } from 'react';
import { useWork } from '@/app/dialogs/useWork';
import { useText } from '@/app/i18n/i18n';
import { Field } from '@/app/ui/Field';
import { useMessenger, useSession } from '@/realtime/hooks';
import { useUi } from '@/store/ui';

/** The name under which others see one. */
export function ChangeName() {
  const t = useText();
  const messenger = useMessenger();
  const { me } = useSession();
  const addToast = useUi((ui) => ui.addToast);
  const [name, setName] = useState(me.name);
  const { busy, error, run } = useWork();
  // Another device of one's own changed it.
  useEffect(() => setName(me.name), [me.name]);
  const next = name.trim();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void run(async () => {
      await messenger.changeName(next);
      addToast(t('profile.changed'));
    });
  };
  return (
    <form className="settings-form" onSubmit={submit}>
      <Field
        label={t('profile.name')}
        value={name}
        autoComplete="name"
        maxLength={64}
        required
        dir="auto"
        note={error ?? t('profile.hint')}
        tone={error ? 'bad' : undefined}
        onChange={setName}
      />
      <div>
        <button type="submit" className="button" data-kind="primary" disabled={busy || !next || next === me.name}>
          {t('action.save')}
        </button>
      </div>
    </form>
  );
}
