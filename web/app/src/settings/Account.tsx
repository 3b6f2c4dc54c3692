import { LogOut } from 'lucide-react';
import { type FormEvent, useState } from 'react';
import { Question } from '@/app/dialogs/Question';
import { useWork } from '@/app/dialogs/useWork';
import { useText } from '@/app/i18n/i18n';
import { Avatar } from '@/app/ui/Avatar';
import { PasswordField } from '@/app/ui/Field';
import { useMessenger, useSession, useStore } from '@/realtime/hooks';
import { useUi } from '@/store/ui';
import { ChangeName } from './ChangeName';

export function Account() {
  const t = useText();
  const messenger = useMessenger();
  const { me } = useSession();
  const [asking, setAsking] = useState(false);
  const unsent = messenger.unsentCount();
  const drafts = useStore(messenger.drafts).size;
  const lost = [unsent > 0 && t('logOut.unsent', { count: unsent }), drafts > 0 && t('logOut.drafts', { count: drafts })];
  return (
    <>
      <div className="box account-box">
        <div className="box-row">
          <Avatar id={me.id} name={me.name} size={48} />
          <div className="box-text">
            <strong>
              <bdi>{me.name}</bdi>
            </strong>
            <small>
              <bdi>@{me.handle}</bdi>
            </small>
          </div>
          <button type="button" className="button" data-kind="danger-plain" data-size="small" onClick={() => setAsking(true)}>
            <LogOut className="mirrored" size={16} strokeWidth={2.2} aria-hidden />
            {t('logOut.action')}
          </button>
        </div>
      </div>
      <h3>{t('profile.title')}</h3>
      <ChangeName />
      <h3>{t('password.title')}</h3>
      <ChangePassword />
      {asking && (
        <Question
          title={t('logOut.title')}
          text={lost.filter(Boolean).join(' ') || t('logOut.text')}
          action={t('logOut.action')}
          onClose={() => setAsking(false)}
          onAct={() => messenger.logOut()}
        />
      )}
    </>
  );
}

function ChangePassword() {
  const t = useText();
  const messenger = useMessenger();
  const { me } = useSession();
  const addToast = useUi((ui) => ui.addToast);
  const [current, setCurrent] = useState('');
  const [next, setNext] = useState('');
  const { busy, error, run } = useWork();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void run(async () => {
      await messenger.changePassword(current, next);
      setCurrent('');
      setNext('');
      addToast(t('password.changed'));
    });
  };
  return (
    <form className="settings-form" onSubmit={submit}>
      <input className="visually-hidden" type="text" autoComplete="username" value={me.handle} readOnly tabIndex={-1} aria-hidden="true" />
      <PasswordField label={t('password.current')} value={current} autoComplete="current-password" required onChange={setCurrent} />
      <PasswordField
        label={t('password.next')}
        value={next}
        autoComplete="new-password"
        required
        minLength={8}
        maxLength={256}
        note={error ?? t('password.hint')}
        tone={error ? 'bad' : undefined}
        onChange={setNext}
      />
      <div>
        <button type="submit" className="button" data-kind="primary" disabled={busy || !current || next.length < 8}>
          {t('password.change')}
        </button>
      </div>
    </form>
  );
}
