import { useEffect, useState } from 'react';
import { useLocation } from 'wouter';
import { useText } from '@/app/i18n/i18n';
import { Mark } from '@/app/ui/Mark';
import { SearchField } from '@/chat/list/SearchField';
import { errorText } from '@/chat/refusals';
import '@/chat/list/conversation-list.css';
import { useMessenger, useSession } from '@/realtime/hooks';
import { useUi } from '@/store/ui';
import type { Person } from '@/types';
import { PersonLine } from './PersonLine';
import { useCopyLink } from './useCopyLink';
import { useKnownPeople } from './useKnownPeople';
import { usePersonSearch } from './usePersonSearch';
import '@/chat/groups/groups.css';

/** People one talks with, and the way to find another. */
export default function People({ handle }: { handle: string | undefined }) {
  const t = useText();
  const messenger = useMessenger();
  const { me } = useSession();
  const [, navigate] = useLocation();
  const { addToast, show } = useUi();
  const [query, setQuery] = useState(handle ?? '');
  const known = useKnownPeople(query);
  const search = usePersonSearch(query);
  const copyLink = useCopyLink(me.handle);
  const found =
    search.state === 'found' && search.person.id !== me.id && !known.some(({ id }) => id === search.person.id) ? search.person : null;
  useEffect(() => {
    document.title = `${t('people.title')} · RelayHub`;
  }, [t]);
  const open = (person: Person) => {
    messenger.openDirect(person.id).then(
      (id) => navigate(`/c/${id}`),
      (error) => addToast(errorText(error)),
    );
  };
  return (
    <>
      <section className="list-pane" aria-label={t('people.title')}>
        <header className="list-head">
          <h1>{t('people.title')}</h1>
        </header>
        <SearchField value={query} onChange={setQuery} onSwitcher={() => show({ type: 'switcher' })} />
        <div className="list-body scrolls people-body">
          {found && (
            <>
              <h2 className="list-heading">{t('people.found')}</h2>
              <PersonLine person={found} onPress={() => open(found)} />
            </>
          )}
          {known.length > 0 && <h2 className="list-heading">{t('people.known')}</h2>}
          {known.map((person) => (
            <PersonLine key={person.id} person={person} onPress={() => open(person)} />
          ))}
          {known.length === 0 && !found && (
            <p className="list-none">
              {search.state === 'none'
                ? t('people.none', { handle: query.replace(/^@/, '') })
                : search.state === 'failed'
                  ? search.text
                  : query
                    ? t('people.hint')
                    : t('people.empty')}
            </p>
          )}
        </div>
      </section>
      <main className="sheet sheet-center" id="main" data-covered="true">
        <div className="empty">
          <Mark size={64} />
          <h2>{t('people.invite')}</h2>
          <p>{t('people.inviteHint')}</p>
          <div className="empty-actions">
            <button type="button" className="button" data-kind="plain" onClick={copyLink}>
              {t('people.copyLink')}
            </button>
          </div>
        </div>
      </main>
    </>
  );
}
