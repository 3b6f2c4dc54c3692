import { type FocusEvent, type KeyboardEvent, useCallback, useRef, useState } from 'react';
import { t } from '@/app/i18n/i18n';
import { useLook } from '@/store/look';
import { useUi } from '@/store/ui';
import { enterActions, moveAmongActions } from './actionKeys';
import { composeFor, deletionOf } from './compose';
import type { Row } from './grouping';
import type { RowVirtualizer } from './useVirtualRows';

const PAGE_ROWS = 10;

function target(key: string, at: number, count: number): number | null {
  switch (key) {
    case 'ArrowUp':
      return Math.max(0, at - 1);
    case 'ArrowDown':
      return Math.min(count - 1, at + 1);
    case 'PageUp':
      return Math.max(0, at - PAGE_ROWS);
    case 'PageDown':
      return Math.min(count - 1, at + PAGE_ROWS);
    case 'Home':
      return 0;
    case 'End':
      return count - 1;
    default:
      return null;
  }
}

/** The message list is one tab stop; within it the arrows move. */
export function useRoving(rows: readonly Row[], conversationId: string, moderates: boolean) {
  const [focused, setFocused] = useState<string | null>(null);
  const virtualizer = useRef<RowVirtualizer | null>(null);
  const letterKeys = useLook((look) => look.letterKeys);
  const addToast = useUi((ui) => ui.addToast);
  const found = focused === null ? -1 : rows.findIndex((row) => row.key === focused);
  const tabStop = found >= 0 ? focused : (rows.at(-1)?.key ?? null);

  const focusRow = useCallback((index: number) => {
    const list = virtualizer.current;
    list?.scrollToIndex(index, { align: 'auto' });
    // The row may be mounted only by this scroll.
    let tries = 0;
    const attempt = () => {
      const node = list?.scrollElement?.querySelector<HTMLElement>(`[data-index="${index}"] .message-row`);
      if (node) node.focus({ preventScroll: true });
      else if (tries < 20) {
        tries += 1;
        requestAnimationFrame(attempt);
      }
    };
    attempt();
  }, []);

  const onKeyDown = (event: KeyboardEvent<HTMLElement>) => {
    if (moveAmongActions(event)) return;
    const node = event.target as HTMLElement;
    if (!node.classList.contains('message-row') || event.nativeEvent.isComposing) return;
    const index = rows.findIndex((row) => row.key === node.dataset.key);
    const row = rows[index];
    if (!row) return;
    if (event.altKey || event.metaKey || event.ctrlKey) return;
    const next = target(event.key, index, rows.length);
    if (next !== null) {
      event.preventDefault();
      const to = rows[next];
      if (to) {
        setFocused(to.key);
        focusRow(next);
      }
    } else if (event.key === 'Enter') {
      if (enterActions(node)) event.preventDefault();
    } else if (event.key === 'Delete') {
      const remove = deletionOf(row, conversationId, moderates);
      if (remove) {
        event.preventDefault();
        remove();
      }
    } else if (letterKeys && (event.key.toLowerCase() === 'r' || event.key.toLowerCase() === 'e')) {
      const compose = composeFor(row, conversationId);
      const act = event.key.toLowerCase() === 'r' ? compose.reply : compose.edit;
      if (act) {
        event.preventDefault();
        act();
      }
    } else if (letterKeys && event.key.toLowerCase() === 'c' && row.kind === 'message' && row.item.body.type === 'text') {
      event.preventDefault();
      void navigator.clipboard?.writeText(row.item.body.text).then(() => addToast(t('toast.copied')));
    }
  };

  const onFocus = useCallback((event: FocusEvent<HTMLElement>) => {
    const key = event.currentTarget.dataset.key;
    if (key) setFocused(key);
  }, []);

  return {
    tabStop,
    index: found,
    onKeyDown,
    onFocus,
    attach: (list: RowVirtualizer) => {
      virtualizer.current = list;
    },
  };
}
