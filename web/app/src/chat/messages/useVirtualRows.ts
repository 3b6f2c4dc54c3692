import { defaultRangeExtractor, type Range, useVirtualizer, type Virtualizer } from '@tanstack/react-virtual';
import { type RefObject, useCallback, useEffect, useLayoutEffect, useRef } from 'react';
import type { Row } from './grouping';

export type RowVirtualizer = Virtualizer<HTMLDivElement, HTMLDivElement>;

/** Closer to the end than this counts as being there. */
const END_PX = 40;

/** Whether the end is on the screen. Far from it the exact answer, for which the browser lays everything out, is not worth a frame. */
export function isAtEnd(virtualizer: RowVirtualizer): boolean {
  const left = virtualizer.getTotalSize() - (virtualizer.scrollOffset ?? 0);
  return left <= 3 * heightOf(virtualizer) && virtualizer.isAtEnd(END_PX);
}

/** The height of what one sees, as it was last measured. */
export function heightOf(virtualizer: RowVirtualizer): number {
  return virtualizer.scrollRect?.height ?? 0;
}

/**
 * The rows that are mounted. Whatever changes above the reading position, the text one reads stays where it is; at the
 * end the list follows. `kept` rows (the one with the focus) stay mounted however far away they are.
 */
export function useVirtualRows(rows: readonly Row[], scroller: RefObject<HTMLDivElement | null>, follows: boolean, kept: number) {
  const rangeExtractor = useCallback(
    (range: Range) => {
      const shown = defaultRangeExtractor(range);
      if (kept < 0 || kept >= range.count || shown.includes(kept)) return shown;
      return [...shown, kept].sort((a, b) => a - b);
    },
    [kept],
  );
  const virtualizer: RowVirtualizer = useVirtualizer<HTMLDivElement, HTMLDivElement>({
    count: rows.length,
    getScrollElement: () => scroller.current,
    getItemKey: (index) => rows[index]?.key ?? index,
    estimateSize: () => 56,
    anchorTo: 'end',
    scrollEndThreshold: END_PX,
    overscan: 6,
    paddingEnd: 8,
    scrollPaddingStart: 36,
    rangeExtractor,
  });
  useLayoutEffect(() => {
    // A message cut by the upper edge that grows must not push the text below it.
    virtualizer.shouldAdjustScrollPositionOnItemSizeChange = (item, _delta, list) => item.start < (list.scrollOffset ?? 0);
  }, [virtualizer]);
  // Whether the list keeps to its end: until one scrolls up. A row that was added or grew has not moved anything yet.
  const sticks = useRef(false);
  const total = virtualizer.getTotalSize();
  // biome-ignore lint/correctness/useExhaustiveDependencies: what was added or grew
  useLayoutEffect(() => {
    if (sticks.current && follows) virtualizer.scrollToEnd();
  }, [rows, total, follows, virtualizer]);
  useEffect(() => {
    const box = scroller.current;
    if (!box) return;
    let top = virtualizer.scrollOffset ?? 0;
    const remember = () => {
      const offset = virtualizer.scrollOffset ?? 0;
      if (isAtEnd(virtualizer)) sticks.current = true;
      else if (offset < top - 1) sticks.current = false;
      top = offset;
    };
    // The keyboard opens or the composer grows: who was at the end stays there.
    const observer = new ResizeObserver(() => {
      if (sticks.current) virtualizer.scrollToEnd();
    });
    box.addEventListener('scroll', remember, { passive: true });
    observer.observe(box);
    return () => {
      box.removeEventListener('scroll', remember);
      observer.disconnect();
    };
  }, [scroller, virtualizer]);
  const stick = useCallback(() => {
    sticks.current = true;
    virtualizer.scrollToEnd();
  }, [virtualizer]);
  /** Before a jump away from the end: rows that are measured on the way there would pull the list back. */
  const unstick = useCallback(() => {
    sticks.current = false;
  }, []);
  return { virtualizer, stick, unstick };
}
