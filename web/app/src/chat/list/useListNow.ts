import { useEffect, useMemo, useState } from 'react';
import type { ConversationRow } from '@/types';
import { nextHeardMs } from './setApart';

/** The time by which rows are muted: it moves when one of them is heard again, and whenever they change. */
export function useListNow(rows: readonly ConversationRow[]): number {
  const [ended, setEnded] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: it is the time at which these came to be
  const now = useMemo(() => Date.now(), [rows, ended]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the next one's turn comes when one has ended
  useEffect(() => {
    const next = nextHeardMs(rows, Date.now());
    if (next === null) return;
    const timer = setTimeout(() => setEnded((count) => count + 1), next + 1);
    return () => clearTimeout(timer);
  }, [rows, ended]);
  return now;
}
