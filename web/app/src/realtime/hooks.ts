import { createContext, useContext, useEffect, useMemo, useSyncExternalStore } from 'react';
import type { ConversationRow, Person } from '@/types';
import type { Messenger, Session, Store } from './messenger';

const Context = createContext<Messenger | null>(null);
export const MessengerProvider = Context.Provider;

export function useMessenger(): Messenger {
  const messenger = useContext(Context);
  if (!messenger) throw new Error('no messenger around this screen');
  return messenger;
}

export function useStore<T>(store: Store<T>): T {
  return useSyncExternalStore(
    useMemo(() => (changed) => store.subscribe(changed), [store]),
    () => store.get(),
  );
}

/** The session of screens that exist only with one. */
export function useSession(): Session {
  const state = useStore(useMessenger().session);
  if (state.status !== 'in') throw new Error('this screen needs a session');
  return state.session;
}

/** Whether a newer build in another tab has taken over what this one shows. */
export function useIsOutdated(): boolean {
  const { connection } = useMessenger();
  return useSyncExternalStore(
    useMemo(() => (changed) => connection.subscribe(changed), [connection]),
    () => connection.get().state === 'stopped' && connection.get().reason === 'outdated',
  );
}

export function useConversation(id: string): ConversationRow | null {
  const messenger = useMessenger();
  const listed = useStore(messenger.conversations);
  const requests = useStore(messenger.requests);
  return listed.find((row) => row.id === id) ?? requests.find((row) => row.id === id) ?? null;
}

/** People by id; unknown ones are asked for, and named by nothing until they are known. */
export function usePeople(ids: readonly string[]): ReadonlyMap<string, Person> {
  const messenger = useMessenger();
  const known = useStore(messenger.people);
  const missing = ids.filter((id) => !known.has(id)).join(' ');
  useEffect(() => {
    if (missing) messenger.wantPeople(missing.split(' '));
  }, [messenger, missing]);
  return known;
}

export function useDraft(id: string): string {
  return useStore(useMessenger().drafts).get(id) ?? '';
}
