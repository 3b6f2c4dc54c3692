import type { ReactNode } from 'react';
import { useText } from '@/app/i18n/i18n';
import { Mark } from '@/app/ui/Mark';
import './auth.css';

/** The first minute: a picture of what this is on one side, the form on the other. */
export function AuthFrame({ title, intro, children }: { title: string; intro: ReactNode; children: ReactNode }) {
  const t = useText();
  return (
    <div className="auth">
      <div className="auth-art" aria-hidden="true">
        <Rings />
        <div className="auth-brand">
          <Mark size={38} speaker="#fefdfc" answer="#f4a26c" />
          RelayHub
        </div>
        <div className="auth-talk">
          <p>{t('auth.art1')}</p>
          <p data-mine>
            {t('auth.art2')}
            <svg
              aria-hidden="true"
              viewBox="0 0 30 16"
              width="30"
              height="16"
              fill="none"
              stroke="#a6e4df"
              strokeWidth="2"
              strokeLinecap="round"
              strokeLinejoin="round"
            >
              <path d="M2 9.5 6.5 14 16 2.5M12.5 13.2 13.3 14 23.5 2.5" />
            </svg>
          </p>
          <p>{t('auth.art3')}</p>
        </div>
        <p className="auth-line">{t('auth.line')}</p>
      </div>
      <main className="auth-side scrolls" id="main">
        <div className="auth-form">
          <div className="auth-brand auth-brand-small" aria-hidden="true">
            <Mark size={30} />
            RelayHub
          </div>
          <h1>{title}</h1>
          <p className="auth-intro">{intro}</p>
          {children}
        </div>
      </main>
    </div>
  );
}

function Rings() {
  return (
    <svg aria-hidden="true" className="auth-rings" viewBox="0 0 700 844" preserveAspectRatio="xMaxYMax slice">
      {Array.from({ length: 9 }, (_, ring) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: drawn once
        <circle key={ring} cx="600" cy="756" r={90 + ring * 66} />
      ))}
    </svg>
  );
}
