import { useCallback, useEffect, useState } from 'react';
import { useMessenger } from '@/realtime/hooks';
import type { Member } from '@/types';

interface Members {
  members: Member[];
  count: number | null;
  complete: boolean;
}

const NONE: Members = { members: [], count: null, complete: false };
/** The last answer of each group, so that opening one again shows no hole. */
const kept = new Map<string, Members>();

/** The members of a group, asked for when it opens and again when something changed in it. */
export function useMembers(conversationId: string | null, version = 0): Members & { reload: () => void } {
  const messenger = useMessenger();
  const [state, setState] = useState<Members>(NONE);
  const [asked, setAsked] = useState(0);
  const reload = useCallback(() => setAsked((times) => times + 1), []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `version` and `asked` mean: ask again
  useEffect(() => {
    if (!conversationId) return setState(NONE);
    setState(kept.get(conversationId) ?? NONE);
    let current = true;
    messenger.members(conversationId).then(
      (answer) => {
        kept.set(conversationId, answer);
        if (current) setState(answer);
      },
      // Without the network the last answer stands.
      () => undefined,
    );
    return () => {
      current = false;
    };
  }, [messenger, conversationId, version, asked]);
  return { ...state, reload };
}
