import { type RefObject, useEffect, useRef, useState } from 'react';
import { dayKey } from '@/app/i18n/dates';
import { textScale } from '@/app/ui/textScale';
import { useMessenger } from '@/realtime/hooks';
import type { ConversationRow } from '@/types';
import type { Row } from './grouping';
import type { Divider } from './useDivider';
import { heightOf, isAtEnd, type RowVirtualizer } from './useVirtualRows';

/** The day's label stays so long after the last movement. */
const STILL_MS = 1_500;

interface Input {
  conversation: ConversationRow;
  rows: readonly Row[];
  virtualizer: RowVirtualizer;
  scroller: RefObject<HTMLDivElement | null>;
  divider: Divider;
  hasOlder: boolean;
}

/** What changes rarely while one scrolls: the list is drawn anew with each change. */
export interface View {
  /** A moment of the day of the first row on the screen. */
  day: number | null;
  /** Whether what is new begins above the screen. */
  dividerAbove: boolean;
  /** Whether the day of the first row is written in the list itself, so that the floating label would say it twice. */
  dayShown: boolean;
  atEnd: boolean;
  /** Whether the list moved a moment ago. */
  moving: boolean;
}

/** What one sees, and the read mark that follows it: only while the page is visible and has the focus. */
export function useReading({ conversation, rows, virtualizer, scroller, divider, hasOlder }: Input): View {
  const messenger = useMessenger();
  const [view, setView] = useState<View>({ day: null, dividerAbove: false, dayShown: true, atEnd: true, moving: false });
  const latest = useRef({ conversation, rows, divider, hasOlder });
  latest.current = { conversation, rows, divider, hasOlder };

  // biome-ignore lint/correctness/useExhaustiveDependencies: rows and counts are looked at anew whenever they change
  useEffect(() => {
    const box = scroller.current;
    if (!box) return;
    let frame = 0;
    // Rows and label grow with the size of the text.
    const scale = textScale();
    const look = () => {
      frame = 0;
      const { conversation: of, rows: all, divider: mark, hasOlder: more } = latest.current;
      const top = virtualizer.scrollOffset ?? 0;
      const bottom = top + heightOf(virtualizer);
      const items = virtualizer.getVirtualItems();
      const first = items.find((item) => item.end > top + 4);
      const firstVisible = first?.index ?? 0;
      const at = all[firstVisible]?.item.atMs ?? null;
      const dividerAbove = mark.isAbove(all, firstVisible, more);
      const dayShown =
        top < 8 || items.some(({ index, start }) => all[index]?.day != null && start > top - 44 * scale && start < top + 56 * scale);
      const atEnd = isAtEnd(virtualizer);
      setView((now) => {
        const sameDay = now.day !== null && at !== null && dayKey(now.day) === dayKey(at);
        const isSame = (sameDay || now.day === at) && now.dividerAbove === dividerAbove && now.dayShown === dayShown && now.atEnd === atEnd;
        return isSame ? now : { ...now, day: sameDay ? now.day : at, dividerAbove, dayShown, atEnd };
      });
      if (document.hidden || !document.hasFocus() || of.unread === 0) return;
      // A row counts as seen when its last line is.
      const seen = items.findLast((item) => item.end <= bottom + 12 || item.start <= top);
      for (let index = seen?.index ?? -1; index >= 0; index -= 1) {
        const seq = all[index]?.item.seq;
        if (seq == null) continue;
        if (seq > of.seenSeq) messenger.markRead(of.id, seq);
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
  }, [messenger, virtualizer, scroller, rows, conversation.unread, divider.afterSeq, hasOlder]);
  return view;
}
