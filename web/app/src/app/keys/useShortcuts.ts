import { useEffect, useRef } from 'react';
import { useLocation } from 'wouter';
import { filterRows } from '@/chat/list/filter';
import { useMessenger } from '@/realtime/hooks';
import { useUi } from '@/store/ui';
import type { ConversationRow } from '@/types';
import { type ActionName, actionOf } from './shortcuts';

function isField(node: EventTarget | null): boolean {
  return node instanceof HTMLElement && (node.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(node.tagName));
}

/** The conversation before or after the open one in the list. */
export function neighbour(rows: readonly ConversationRow[], open: string | null, step: 1 | -1, onlyUnread: boolean): string | null {
  const at = rows.findIndex((row) => row.id === open);
  for (let index = at < 0 ? (step > 0 ? 0 : rows.length - 1) : at + step; index >= 0 && index < rows.length; index += step) {
    const row = rows[index];
    if (row && (!onlyUnread || row.unread > 0)) return row.id;
  }
  return null;
}

/** Handles the shortcuts that work anywhere. */
export function useShortcuts(open: string | null): void {
  const messenger = useMessenger();
  const [, navigate] = useLocation();
  const latest = useRef(open);
  latest.current = open;
  useEffect(() => {
    const { show } = useUi.getState();
    const go = (step: 1 | -1, onlyUnread: boolean) => {
      const id = neighbour(filterRows(messenger.conversations.get(), 'all', '', Date.now()), latest.current, step, onlyUnread);
      if (id) navigate(`/c/${id}`);
    };
    const read = (row: ConversationRow | undefined) => row && row.unread > 0 && messenger.markRead(row.id, row.lastSeq);
    const acts: Record<ActionName, () => void> = {
      switcher: () => show({ type: 'switcher' }),
      search: () => document.getElementById('list-search')?.focus(),
      searchMessages: () => show({ type: 'search', text: '', conversationId: null }),
      previous: () => go(-1, false),
      next: () => go(1, false),
      previousUnread: () => go(-1, true),
      nextUnread: () => go(1, true),
      settings: () => navigate('/settings'),
      keyboard: () => show({ type: 'keyboard' }),
      allRead: () => {
        for (const row of messenger.conversations.get()) read(row);
      },
      // What is open closes first (its own handler stops the event); then the conversation is read; then the list.
      escape: () => {
        const row = messenger.conversations.get().find(({ id }) => id === latest.current);
        if (row && row.unread > 0) read(row);
        else (document.querySelector<HTMLElement>('.row[data-selected]') ?? document.querySelector<HTMLElement>('.row'))?.focus();
      },
    };
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.isComposing || event.keyCode === 229) return;
      const overlay = useUi.getState().overlay;
      const action = actionOf(event, isField(event.target));
      if (!action) return;
      // A sheet over the page keeps its keys.
      if (overlay || document.querySelector('.menu-popover')) return;
      event.preventDefault();
      acts[action]();
    };
    window.addEventListener('keydown', onKeyDown);
    return () => window.removeEventListener('keydown', onKeyDown);
  }, [messenger, navigate]);
}
