import { useCallback, useEffect, useRef, useState } from 'react';
import type { Timeline, TimelineState } from '@/realtime/messenger';
import { onArrival, onEndRequest, onJumpRequest } from '../jumps';
import type { Row } from './grouping';
import type { Divider } from './useDivider';
import type { RowVirtualizer } from './useVirtualRows';

interface Input {
  conversationId: string;
  /** Whether the list stands where it opened: an earlier jump would be undone. */
  opened: boolean;
  timeline: Timeline;
  state: TimelineState;
  rows: readonly Row[];
  virtualizer: RowVirtualizer;
  /** Goes to the end and stays there. */
  stick: () => void;
  /** Keeps to the end no more. */
  unstick: () => void;
  divider: Divider;
}

const FLASH_MS = 1_200;

/** Jumps: to the end, to the first unread message, to a date. What is not loaded is loaded first. */
export function useJump({ conversationId, opened, timeline, state, rows, virtualizer, stick, unstick, divider }: Input) {
  const [flashed, setFlashed] = useState<string | null>(null);
  /** The row to show once it is among the rows. */
  const wanted = useRef<{ key: string | 'end'; flash: boolean } | null>(null);

  useEffect(() => {
    const target = wanted.current;
    if (!target) return;
    if (target.key === 'end') {
      if (state.hasNewer) return;
      wanted.current = null;
      stick();
      return;
    }
    const index = rows.findIndex((row) => row.key === target.key);
    if (index < 0) return;
    wanted.current = null;
    unstick();
    virtualizer.scrollToIndex(index, { align: 'start' });
    if (target.flash) setFlashed(target.key);
  }, [rows, state.hasNewer, virtualizer, stick, unstick]);

  useEffect(() => {
    if (!flashed) return;
    const timer = window.setTimeout(() => setFlashed(null), FLASH_MS);
    return () => window.clearTimeout(timer);
  }, [flashed]);

  const toEnd = useCallback(async () => {
    wanted.current = { key: 'end', flash: false };
    if (timeline.get().hasNewer) await timeline.jumpToEnd();
    else {
      wanted.current = null;
      stick();
    }
  }, [timeline, stick]);

  const toPlace = useCallback(
    async (place: { seq: number } | { atMs: number }, flash: boolean) => {
      const key = await timeline.jumpTo(place);
      if (!key) return;
      wanted.current = { key, flash };
      setFlashed(null);
      // The rows may be there already: then no change of theirs will come.
      const index = timeline.get().items.findIndex((item) => item.key === key);
      if (index >= 0) {
        requestAnimationFrame(() => {
          if (!wanted.current) return;
          wanted.current = null;
          unstick();
          virtualizer.scrollToIndex(index, { align: 'start' });
          if (flash) setFlashed(key);
        });
      }
    },
    [timeline, virtualizer, unstick],
  );

  const { clear } = divider;
  useEffect(
    () =>
      onEndRequest(() => {
        clear();
        void toEnd();
      }),
    [clear, toEnd],
  );
  useEffect(() => onJumpRequest((place) => void toPlace(place, true)), [toPlace]);
  useEffect(() => {
    if (opened) return onArrival(conversationId, (place) => void toPlace(place, true));
  }, [opened, conversationId, toPlace]);

  const toFirstUnread = useCallback(async () => {
    const index = rows.findIndex((row) => row.startsNew);
    if (index >= 0) {
      unstick();
      virtualizer.scrollToIndex(index, { align: 'start' });
    } else if (divider.afterSeq !== null) await toPlace({ seq: divider.afterSeq + 1 }, false);
  }, [rows, virtualizer, unstick, divider, toPlace]);

  return { flashed, toEnd, toFirstUnread };
}
