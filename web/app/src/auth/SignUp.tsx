import { type FormEvent, useEffect, useRef, useState } from 'react';
import { Link, useLocation } from 'wouter';
import { useText } from '@/app/i18n/i18n';
import { Field, PasswordField } from '@/app/ui/Field';
import { errorText } from '@/chat/refusals';
import { useMessenger } from '@/realtime/hooks';
import { Refusal } from '@/realtime/messenger';
import { AuthFrame } from './AuthFrame';
import { handleFrom, isHandle, passwordStrength } from './strength';

const OF_HANDLE = new Set(['handle_taken', 'handle_reserved']);

export function SignUp() {
  const t = useText();
  const messenger = useMessenger();
  const [, navigate] = useLocation();
  const [name, setName] = useState('');
  const [handle, setHandle] = useState('');
  const [ownHandle, setOwnHandle] = useState(false);
  const [password, setPassword] = useState('');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<{ field: 'handle' | 'password' | 'form'; text: string } | null>(null);
  const form = useRef<HTMLFormElement>(null);
  const strength = passwordStrength(password);
  useEffect(() => {
    document.title = `${t('signUp.title')} · RelayHub`;
  }, [t]);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (!isHandle(handle)) return setError({ field: 'handle', text: t('signUp.handleRule') });
    if (strength.tooShort) return setError({ field: 'password', text: t('signUp.tooShort') });
    setBusy(true);
    setError(null);
    try {
      await messenger.signUp({ handle, name: name.trim(), password });
      navigate('/', { replace: true });
    } catch (thrown) {
      const code = thrown instanceof Refusal ? thrown.code : '';
      setError({
        field: OF_HANDLE.has(code) ? 'handle' : code === 'password_too_guessable' ? 'password' : 'form',
        text: errorText(thrown),
      });
      setBusy(false);
    }
  };

  const note = (field: 'handle' | 'password') => (error?.field === field ? { note: error.text, tone: 'bad' as const } : {});
  return (
    <AuthFrame
      title={t('signUp.title')}
      intro={
        <>
          {t('signUp.intro', { host: location.host })} <Link href="/login">{t('logIn.action')}</Link>
        </>
      }
    >
      <form ref={form} className="auth-fields" onSubmit={submit}>
        <Field
          label={t('signUp.name')}
          value={name}
          autoComplete="name"
          maxLength={64}
          required
          dir="auto"
          onChange={(value) => {
            setName(value);
            if (!ownHandle) setHandle(handleFrom(value));
          }}
        />
        <Field
          label={t('signUp.handle')}
          hint={t('signUp.handleHint')}
          before={<span className="field-hint">@</span>}
          value={handle}
          autoComplete="username"
          autoCapitalize="none"
          spellCheck={false}
          maxLength={32}
          required
          dir="ltr"
          note={t('signUp.handleRule')}
          {...note('handle')}
          onChange={(value) => {
            setOwnHandle(value !== '');
            setHandle(value.toLowerCase().replace(/^@/, ''));
            setError(null);
          }}
        />
        <PasswordField
          label={t('signUp.password')}
          value={password}
          autoComplete="new-password"
          required
          maxLength={256}
          below={
            <div className="strength" aria-hidden="true">
              {[1, 2, 3, 4].map((bar) => (
                <i key={bar} data-on={strength.bars >= bar || undefined} />
              ))}
            </div>
          }
          note={t(
            password === '' || strength.tooShort
              ? 'signUp.passwordRule'
              : strength.bars >= 3
                ? 'signUp.passwordGood'
                : 'signUp.passwordWeak',
          )}
          {...note('password')}
          onChange={(value) => {
            setPassword(value);
            setError(null);
          }}
        />
        {error?.field === 'form' && (
          <p className="notice" role="alert">
            {error.text}
          </p>
        )}
        <button type="submit" className="button" data-kind="primary" data-wide disabled={busy}>
          {busy ? t('signUp.busy') : t('signUp.action')}
        </button>
      </form>
    </AuthFrame>
  );
}
