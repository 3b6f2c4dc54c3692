import { useMemo } from 'react';
import { matchScore } from '@/chat/list/filter';
import { useMessenger, useStore } from '@/realtime/hooks';
import type { Person } from '@/types';

/** Those with whom the person has a direct conversation, by name. */
export function useKnownPeople(query = ''): Person[] {
  const conversations = useStore(useMessenger().conversations);
  return useMemo(() => {
    const people = conversations.flatMap((row) => (row.peer ? [row.peer] : []));
    const handle = query.trim().replace(/^@/, '');
    return people
      .filter((person) => matchScore(person.name, query) > 0 || matchScore(person.handle, handle) > 0)
      .sort((a, b) => a.name.localeCompare(b.name));
  }, [conversations, query]);
}
