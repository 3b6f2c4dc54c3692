import { Check, X } from 'lucide-react';
import { useState } from 'react';
import { useText } from '@/app/i18n/i18n';
import { Field } from '@/app/ui/Field';
import { PersonLine } from '@/people/PersonLine';
import { useKnownPeople } from '@/people/useKnownPeople';
import { usePersonSearch } from '@/people/usePersonSearch';
import { useSession } from '@/realtime/hooks';
import type { Person } from '@/types';
import '@/chat/groups/groups.css';

const MAX_KNOWN = 50;

export interface PeoplePickerProps {
  picked: Person[];
  onChange: (picked: Person[]) => void;
  /** Those who cannot be picked. */
  without?: ReadonlySet<string>;
  autoFocus?: boolean;
}

/** Several people, from those one knows or by handle. */
export function PeoplePicker({ picked, onChange, without, autoFocus }: PeoplePickerProps) {
  const t = useText();
  const { me } = useSession();
  const [query, setQuery] = useState('');
  const search = usePersonSearch(query);
  const known = useKnownPeople(query).slice(0, MAX_KNOWN);
  const found = search.state === 'found' && !known.some(({ id }) => id === search.person.id) ? [search.person] : [];
  const shown = [...found, ...known].filter(({ id }) => id !== me.id && !without?.has(id));
  const toggle = (person: Person) => {
    const has = picked.some(({ id }) => id === person.id);
    onChange(has ? picked.filter(({ id }) => id !== person.id) : [...picked, person]);
    if (!has) setQuery('');
  };
  const note =
    search.state === 'failed'
      ? search.text
      : search.state === 'none' && shown.length === 0
        ? t('people.none', { handle: query.replace(/^@/, '') })
        : t('people.hint');
  return (
    <>
      <Field
        label={t('people.add')}
        before={<span className="field-hint">@</span>}
        value={query}
        onChange={setQuery}
        autoComplete="off"
        autoCapitalize="none"
        spellCheck={false}
        autoFocus={autoFocus}
        note={note}
        onKeyDown={(event) => {
          // Enter picks whom one sees first; it must not send the form.
          if (event.key !== 'Enter' || event.nativeEvent.isComposing) return;
          event.preventDefault();
          if (query && shown[0]) toggle(shown[0]);
        }}
      />
      {picked.length > 0 && (
        <div className="picked-people">
          {picked.map((person) => (
            <button
              key={person.id}
              type="button"
              className="picked-person"
              aria-label={t('people.unpick', { name: person.name })}
              onClick={() => toggle(person)}
            >
              <bdi className="one-line">{person.name}</bdi>
              <X size={14} strokeWidth={2.2} aria-hidden />
            </button>
          ))}
        </div>
      )}
      <div className="person-picks">
        {shown.map((person) => {
          const isPicked = picked.some(({ id }) => id === person.id);
          return (
            <PersonLine
              key={person.id}
              person={person}
              pressed={isPicked}
              onPress={() => toggle(person)}
              after={isPicked && <Check className="person-pick-check" size={20} strokeWidth={2.2} aria-hidden />}
            />
          );
        })}
      </div>
    </>
  );
}
