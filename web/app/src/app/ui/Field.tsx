import { Eye, EyeOff } from 'lucide-react';
import { type InputHTMLAttributes, type ReactNode, useId, useState } from 'react';
import { useText } from '@/app/i18n/i18n';

export interface FieldProps extends Omit<InputHTMLAttributes<HTMLInputElement>, 'onChange'> {
  label: string;
  hint?: string;
  note?: ReactNode;
  tone?: 'good' | 'bad';
  before?: ReactNode;
  after?: ReactNode;
  /** Between the box and its note. */
  below?: ReactNode;
  onChange: (value: string) => void;
}

/** A labelled input with its note. The note's place is there from the start. */
export function Field({ label, hint, note, tone, before, after, below, onChange, ...input }: FieldProps) {
  const id = useId();
  return (
    <div className="field">
      <div className="field-head">
        <label htmlFor={id}>{label}</label>
        {hint && <span className="field-hint">{hint}</span>}
      </div>
      <div className="field-box" data-invalid={tone === 'bad' || undefined}>
        {before}
        <input
          {...input}
          id={id}
          aria-describedby={note === undefined ? undefined : `${id}-note`}
          aria-invalid={tone === 'bad' || undefined}
          onChange={(event) => onChange(event.target.value)}
        />
        {after}
      </div>
      {below}
      {note !== undefined && (
        <p className="field-note" id={`${id}-note`} data-tone={tone} aria-live="polite">
          {note}
        </p>
      )}
    </div>
  );
}

export function PasswordField(props: Omit<FieldProps, 'after' | 'type'>) {
  const t = useText();
  const [shown, setShown] = useState(false);
  const Icon = shown ? EyeOff : Eye;
  return (
    <Field
      {...props}
      type={shown ? 'text' : 'password'}
      spellCheck={false}
      autoCapitalize="none"
      dir="ltr"
      after={
        <button
          type="button"
          className="icon-button"
          aria-pressed={shown}
          aria-label={t('auth.showPassword')}
          title={t('auth.showPassword')}
          onClick={() => setShown(!shown)}
        >
          <Icon size={19} strokeWidth={1.85} aria-hidden />
        </button>
      }
    />
  );
}
