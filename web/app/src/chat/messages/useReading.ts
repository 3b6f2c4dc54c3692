import { type RefObject, useEffect, useRef, useState } from 'react';
import { useMessenger } from '@/realtime/hooks';
import type { ConversationRow } from '@/types';
import type { Row } from './grouping';
import type { RowVirtualizer } from './useVirtualRows';

/** The day's label stays so long after the last movement. */
const STILL_MS = 1_500;

interface Input {
  conversation: ConversationRow;
  rows: readonly Row[];
  virtualizer: RowVirtualizer;
  scroller: RefObject<HTMLDivElement | null>;
  hasNewer: boolean;
}

export interface View {
  firstVisible: number;
  /** Whether the day of the first row is written in the list itself, so that the floating label would say it twice. */
  dayShown: boolean;
  atEnd: boolean;
  /** Whether the list moved a moment ago. */
  moving: boolean;
}

/** What one sees, and the read mark that follows it: only while the page is visible and has the focus. */
export function useReading({ conversation, rows, virtualizer, scroller, hasNewer }: Input): View {
  const messenger = useMessenger();
  const [view, setView] = useState<View>({ firstVisible: 0, dayShown: true, atEnd: true, moving: false });
  const latest = useRef({ conversation, rows, hasNewer });
  latest.current = { conversation, rows, hasNewer };

  // biome-ignore lint/correctness/useExhaustiveDependencies: rows and counts are looked at anew whenever they change
  useEffect(() => {
    const box = scroller.current;
    if (!box) return;
    let frame = 0;
    const look = () => {
      frame = 0;
      const { conversation: of, rows: all } = latest.current;
      const top = virtualizer.scrollOffset ?? 0;
      const bottom = top + box.clientHeight;
      const items = virtualizer.getVirtualItems();
      const first = items.find((item) => item.end > top + 4);
      const firstVisible = first?.index ?? 0;
      const dayShown = top < 8 || items.some((item) => all[item.index]?.day != null && item.start > top - 44 && item.start < top + 56);
      const atEnd = virtualizer.isAtEnd(40);
      setView((now) =>
        now.firstVisible === firstVisible && now.dayShown === dayShown && now.atEnd === atEnd
          ? now
          : { ...now, firstVisible, dayShown, atEnd },
      );
      if (document.hidden || !document.hasFocus() || of.unread === 0) return;
      // A row counts as seen when its last line is.
      const seen = items.findLast((item) => item.end <= bottom + 12 || item.start <= top);
      for (let index = seen?.index ?? -1; index >= 0; index -= 1) {
        const seq = all[index]?.item.seq;
        if (seq == null) continue;
        if (seq > of.readSeq) messenger.markRead(of.id, seq);
        break;
      }
    };
    const soon = () => {
      frame ||= requestAnimationFrame(look);
    };
    let still = 0;
    const scrolled = () => {
      soon();
      window.clearTimeout(still);
      still = window.setTimeout(() => setView((now) => ({ ...now, moving: false })), STILL_MS);
      setView((now) => (now.moving ? now : { ...now, moving: true }));
    };
    soon();
    box.addEventListener('scroll', scrolled, { passive: true });
    window.addEventListener('focus', soon);
    document.addEventListener('visibilitychange', soon);
    return () => {
      cancelAnimationFrame(frame);
      window.clearTimeout(still);
      box.removeEventListener('scroll', scrolled);
      window.removeEventListener('focus', soon);
      document.removeEventListener('visibilitychange', soon);
    };
  }, [messenger, virtualizer, scroller, rows, conversation.unread]);
  return view;
}
