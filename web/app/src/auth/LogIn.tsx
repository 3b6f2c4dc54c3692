import { type FormEvent, useEffect, useState } from 'react';
import { Link, useLocation } from 'wouter';
import { useText } from '@/app/i18n/i18n';
import { Field, PasswordField } from '@/app/ui/Field';
import { errorText } from '@/chat/refusals';
import { useMessenger, useStore } from '@/realtime/hooks';
import { AuthFrame } from './AuthFrame';

export function LogIn() {
  const t = useText();
  const messenger = useMessenger();
  const session = useStore(messenger.session);
  const [, navigate] = useLocation();
  const [handle, setHandle] = useState('');
  const [password, setPassword] = useState('');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const ended = session.status === 'out' ? session.reason : null;
  useEffect(() => {
    document.title = `${t('logIn.title')} · RelayHub`;
  }, [t]);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      await messenger.logIn({ handle: handle.trim().replace(/^@/, '').toLowerCase(), password });
      navigate('/', { replace: true });
    } catch (thrown) {
      setError(errorText(thrown));
      setBusy(false);
    }
  };

  return (
    <AuthFrame
      title={t('logIn.title')}
      intro={
        <>
          {t('logIn.intro', { host: location.host })} <Link href="/signup">{t('signUp.link')}</Link>
        </>
      }
    >
      <form className="auth-fields" onSubmit={submit}>
        {ended && !error && (
          <p className="notice" data-tone="quiet" role="status">
            {t('logIn.ended')}
          </p>
        )}
        <Field
          label={t('signUp.handle')}
          before={<span className="field-hint">@</span>}
          value={handle}
          autoComplete="username"
          autoCapitalize="none"
          spellCheck={false}
          required
          dir="ltr"
          onChange={setHandle}
        />
        <PasswordField label={t('signUp.password')} value={password} autoComplete="current-password" required onChange={setPassword} />
        {error && (
          <p className="notice" role="alert">
            {error}
          </p>
        )}
        <button type="submit" className="button" data-kind="primary" data-wide disabled={busy}>
          {busy ? t('logIn.busy') : t('logIn.action')}
        </button>
      </form>
    </AuthFrame>
  );
}
