import { Users } from 'lucide-react';
import { useState } from 'react';
import { useLocation } from 'wouter';
import { useText } from '@/app/i18n/i18n';
import { Dialog } from '@/app/ui/Dialog';
import { Field } from '@/app/ui/Field';
import { errorText } from '@/chat/refusals';
import { PersonLine } from '@/people/PersonLine';
import { useKnownPeople } from '@/people/useKnownPeople';
import { usePersonSearch } from '@/people/usePersonSearch';
import { useMessenger, useSession } from '@/realtime/hooks';
import { useUi } from '@/store/ui';
import type { Person } from '@/types';
import '@/chat/groups/groups.css';

const MAX_KNOWN = 50;

export default function NewConversation({ onClose }: { onClose: () => void }) {
  const t = useText();
  const messenger = useMessenger();
  const { me } = useSession();
  const [, navigate] = useLocation();
  const show = useUi((ui) => ui.show);
  const [query, setQuery] = useState('');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const search = usePersonSearch(query);
  const known = useKnownPeople(query).slice(0, MAX_KNOWN);
  const found = search.state === 'found' && !known.some(({ id }) => id === search.person.id) ? search.person : null;

  const open = async (person: Person) => {
    setBusy(true);
    try {
      const id = await messenger.openDirect(person.id);
      onClose();
      navigate(`/c/${id}`);
    } catch (thrown) {
      setError(errorText(thrown));
      setBusy(false);
    }
  };

  const note =
    error ??
    (search.state === 'failed'
      ? search.text
      : search.state === 'looking'
        ? t('people.looking')
        : search.state === 'none' && known.length === 0
          ? t('people.none', { handle: query.replace(/^@/, '') })
          : t('people.hint'));
  return (
    <Dialog title={t('list.new')} onClose={onClose}>
      <div className="dialog-body scrolls">
        <Field
          label={t('people.find')}
          before={<span className="field-hint">@</span>}
          value={query}
          onChange={(value) => {
            setQuery(value);
            setError(null);
          }}
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
          autoFocus
          note={note}
          tone={error || search.state === 'failed' ? 'bad' : undefined}
        />
        <div className="person-picks">
          {!query && (
            <button type="button" className="person-pick" onClick={() => show({ type: 'new-group' })}>
              <span className="round-icon">
                <Users size={20} strokeWidth={1.85} aria-hidden />
              </span>
              <span className="member-name">{t('group.new')}</span>
            </button>
          )}
          {found &&
            (found.id === me.id ? (
              <p className="field-note">{t('people.thatIsYou')}</p>
            ) : (
              <PersonLine person={found} disabled={busy} onPress={() => open(found)} />
            ))}
          {known.map((person) => (
            <PersonLine key={person.id} person={person} disabled={busy} onPress={() => open(person)} />
          ))}
        </div>
      </div>
    </Dialog>
  );
}
