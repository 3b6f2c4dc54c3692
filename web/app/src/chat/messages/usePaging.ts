import { type RefObject, useEffect } from 'react';
import type { Timeline, TimelineState } from '@/realtime/messenger';
import type { Row } from './grouping';
import type { RowVirtualizer } from './useVirtualRows';

/** So many rows before the edge of what is loaded, the next page is asked for. */
const AHEAD_ROWS = 25;

interface Input {
  timeline: Timeline;
  state: TimelineState;
  rows: readonly Row[];
  virtualizer: RowVirtualizer;
  scroller: RefObject<HTMLDivElement | null>;
}

/** Loads history in both directions before its edge is seen. */
export function usePaging({ timeline, state, rows, virtualizer, scroller }: Input) {
  const { hasOlder, hasNewer } = state;
  const count = rows.length;
  useEffect(() => {
    const box = scroller.current;
    if (!box) return;
    const look = () => {
      const range = virtualizer.range;
      if (!range || count === 0) return;
      if (hasOlder && range.startIndex < AHEAD_ROWS) void timeline.loadOlder();
      if (hasNewer && range.endIndex > count - AHEAD_ROWS) void timeline.loadNewer();
    };
    look();
    box.addEventListener('scroll', look, { passive: true });
    return () => box.removeEventListener('scroll', look);
  }, [timeline, hasOlder, hasNewer, count, virtualizer, scroller]);
}
