import { memo } from 'react';
import { useText } from '@/app/i18n/i18n';
import type { ChangeItem, Person } from '@/types';
import { requestJump } from '../jumps';

const MAX_NAMES = 3;

export interface ChangeLineProps {
  item: ChangeItem;
  people: ReadonlyMap<string, Person>;
  me: string;
}

/** Everybody whom a change names. */
export function peopleOf(item: ChangeItem): string[] {
  const { change } = item;
  const named = [change.by];
  if (change.type === 'joined' || change.type === 'left') named.push(...change.users.slice(0, MAX_NAMES));
  if (change.type === 'role') named.push(change.user);
  // Who did it may not be known.
  return named.filter(Boolean);
}

/** "Liv added Jonas": a centred line. */
export const ChangeLine = memo(function ChangeLine({ item, people, me }: ChangeLineProps) {
  const t = useText();
  const text = changeText(item, people, me, t);
  const { change } = item;
  return (
    <p className="change-line" dir="auto">
      {change.type === 'pinned' ? (
        <button type="button" tabIndex={-1} onClick={() => requestJump({ seq: change.seq })}>
          {text}
        </button>
      ) : (
        text
      )}
    </p>
  );
});

/** Isolates a name, so that its direction does not turn the sentence's parts around. */
const isolated = (name: string) => `\u2068${name}\u2069`;

export function changeText(item: ChangeItem, people: ReadonlyMap<string, Person>, me: string, t: ReturnType<typeof useText>): string {
  const { change } = item;
  const name = (id: string) => isolated(people.get(id)?.name ?? t('person.unknown'));
  const by = name(change.by);
  const byMe = change.by === me ? 'me' : 'other';
  switch (change.type) {
    case 'created':
      return t('change.created', { by, who: byMe });
    case 'renamed':
      return t('change.renamed', { by, who: byMe, title: isolated(change.title) });
    case 'pinned':
      return t(change.on ? 'change.pinned' : 'change.unpinned', { by, who: byMe });
    case 'role':
      return t('change.role', { by, who: byMe, user: name(change.user), whom: change.user === me ? 'me' : 'other', role: change.role });
    case 'joined':
    case 'left': {
      const shown = change.users.slice(0, MAX_NAMES).map(name).join(', ');
      const whom = change.users.includes(me) ? 'me' : 'other';
      const more = Math.max(0, change.users.length - MAX_NAMES);
      const alone = change.users.length === 1 && change.users[0] === change.by;
      const values = { by, who: byMe, users: shown, whom, more };
      if (change.type === 'joined') return alone ? t('change.joined', values) : t('change.added', values);
      return alone ? t('change.left', values) : t('change.removed', values);
    }
  }
}
