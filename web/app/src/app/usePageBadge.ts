import { useEffect } from 'react';
import { callsFor } from '@/chat/list/setApart';
import { useListNow } from '@/chat/list/useListNow';
import { useConversationTitle } from '@/chat/useConversationTitle';
import { useMessenger, useStore } from '@/realtime/hooks';

interface Badging {
  setAppBadge?: (count: number) => Promise<void>;
  clearAppBadge?: () => Promise<void>;
}

/** Unread conversations that are neither muted nor archived, in the tab's title, and on the icon of the installed app. */
export function usePageBadge(open: string | null): void {
  const conversations = useStore(useMessenger().conversations);
  const title = useConversationTitle(open);
  const nowMs = useListNow(conversations);
  const unread = conversations.filter((row) => callsFor(row, nowMs)).length;
  useEffect(() => {
    const name = title ? `${title} · RelayHub` : 'RelayHub';
    document.title = unread > 0 ? `(${unread}) ${name}` : name;
    const badging = navigator as Navigator & Badging;
    const done = unread > 0 ? badging.setAppBadge?.(unread) : badging.clearAppBadge?.();
    // Refused where the app is not installed.
    done?.catch(() => undefined);
  }, [unread, title]);
}
