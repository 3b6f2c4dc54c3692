import { useEffect, useState } from 'react';
import { isHandle } from '@/auth/strength';
import { errorText } from '@/chat/refusals';
import { useMessenger } from '@/realtime/hooks';
import type { Person } from '@/types';

export type PersonSearch =
  | { state: 'idle' }
  | { state: 'looking' }
  | { state: 'none' }
  | { state: 'found'; person: Person }
  | { state: 'failed'; text: string };

const PAUSE_MS = 250;

/** The person with exactly this handle. Asked for when the typing pauses; handles are not listed anywhere. */
export function usePersonSearch(typed: string): PersonSearch {
  const messenger = useMessenger();
  const handle = typed.trim().replace(/^@/, '').toLowerCase();
  const [search, setSearch] = useState<PersonSearch>({ state: 'idle' });
  useEffect(() => {
    if (!isHandle(handle)) return setSearch({ state: 'idle' });
    setSearch({ state: 'looking' });
    let current = true;
    const timer = window.setTimeout(() => {
      messenger.findPerson(handle).then(
        (person) => current && setSearch(person ? { state: 'found', person } : { state: 'none' }),
        (error) => current && setSearch({ state: 'failed', text: errorText(error) }),
      );
    }, PAUSE_MS);
    return () => {
      current = false;
      window.clearTimeout(timer);
    };
  }, [messenger, handle]);
  return search;
}
