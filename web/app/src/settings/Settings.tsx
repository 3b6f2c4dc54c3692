import { ArrowLeft } from 'lucide-react';
import { useEffect } from 'react';
import { Link, useLocation } from 'wouter';
import { useText } from '@/app/i18n/i18n';
import { About } from './About';
import { Account } from './Account';
import { Devices } from './Devices';
import { KeyboardPage } from './KeyboardPage';
import { LanguagePage } from './LanguagePage';
import { LookPage } from './LookPage';
import { PrivacyPage } from './PrivacyPage';
import { PAGES, type PageName, pageOf, pageTitle } from './pages';
import './settings.css';

const CONTENT: Record<PageName, () => React.ReactNode> = {
  account: Account,
  devices: Devices,
  privacy: PrivacyPage,
  look: LookPage,
  keyboard: KeyboardPage,
  language: LanguagePage,
  about: About,
};

export default function Settings({ page }: { page: string | undefined }) {
  const t = useText();
  const [, navigate] = useLocation();
  const named = pageOf(page);
  // On a narrow screen the list is a page of its own; beside it there is always one open.
  const shown = named ?? 'account';
  const Content = CONTENT[shown];
  useEffect(() => {
    document.title = `${t(pageTitle(shown))} · RelayHub`;
  }, [t, shown]);
  return (
    <>
      <nav className="list-pane settings-nav" aria-label={t('settings.title')} data-covered={named ? true : undefined}>
        <header className="list-head">
          <h1>{t('settings.title')}</h1>
        </header>
        {/* biome-ignore lint/a11y/noRedundantRoles: Safari drops the role of a list without marks */}
        <ul role="list">
          {PAGES.map(({ name, icon: Icon }) => (
            <li key={name}>
              <Link href={`/settings/${name}`} className="settings-link" aria-current={name === shown ? 'page' : undefined}>
                <Icon size={19} strokeWidth={1.85} aria-hidden />
                {t(pageTitle(name))}
              </Link>
            </li>
          ))}
        </ul>
      </nav>
      <main className="sheet settings-sheet" id="main" data-covered={named ? undefined : true}>
        <div className="scrolls settings-scroll">
          <div className="settings-page">
            <header className="settings-head">
              <button type="button" className="icon-button only-narrow" aria-label={t('action.back')} onClick={() => navigate('/settings')}>
                <ArrowLeft className="mirrored" size={21} strokeWidth={1.85} aria-hidden />
              </button>
              <h2>{t(pageTitle(shown))}</h2>
            </header>
            <Content />
          </div>
        </div>
      </main>
    </>
  );
}
