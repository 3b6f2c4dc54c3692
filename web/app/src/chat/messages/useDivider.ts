import { useCallback, useEffect, useRef, useState } from 'react';
import type { ConversationRow, TimelineItem } from '@/types';
import type { Row } from './grouping';

export interface Divider {
  /** The sequence after which messages are new, or null where there is no divider. */
  afterSeq: number | null;
  clear: () => void;
  isAbove: (rows: readonly Row[], firstVisible: number, hasOlder: boolean) => boolean;
}

/** Where "New" stands. It is frozen while one reads, and comes anew for what arrives while one looks elsewhere. */
export function useDivider(conversation: ConversationRow, items: readonly TimelineItem[], me: string): Divider {
  const [afterSeq, setAfterSeq] = useState<number | null>(conversation.unread > 0 ? conversation.seenSeq : null);
  const seen = useRef(false);
  const newest = items.at(-1);
  const lastSeq = useRef<number>(0);
  useEffect(() => {
    const before = lastSeq.current;
    if (newest?.kind !== 'message' || newest.seq === null) return;
    lastSeq.current = newest.seq;
    const away = document.hidden || !document.hasFocus();
    if (before > 0 && newest.seq > before && newest.senderId !== me && away) {
      setAfterSeq((now) => (now === null || conversation.unread === 0 ? before : now));
    }
  }, [newest, me, conversation.unread]);
  const clear = useCallback(() => setAfterSeq(null), []);
  return {
    afterSeq,
    clear,
    isAbove: (rows, firstVisible, hasOlder) => {
      if (afterSeq === null || seen.current) return false;
      const index = rows.findIndex((row) => row.startsNew);
      const oldest = rows.find((row) => row.item.seq !== null)?.item.seq ?? 0;
      const notLoaded = hasOlder && oldest > afterSeq;
      const above = notLoaded || (index >= 0 && index < firstVisible);
      if (!above && index >= firstVisible) seen.current = true;
      return above;
    },
  };
}
