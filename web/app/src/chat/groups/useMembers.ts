import { useMemo } from 'react';
import { useMessenger, useStore } from '@/realtime/hooks';
import type { Members, Store } from '@/realtime/messenger';

const NONE: Members = { members: [], count: null, complete: false };
const NOBODY: Store<Members> = { get: () => NONE, subscribe: () => () => undefined };

/** The members of a group; of what has none, nobody. */
export function useMembers(conversationId: string | null): Members {
  const messenger = useMessenger();
  return useStore(useMemo(() => (conversationId === null ? NOBODY : messenger.members(conversationId)), [messenger, conversationId]));
}
