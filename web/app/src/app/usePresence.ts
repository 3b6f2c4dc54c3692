import { useEffect, useMemo } from 'react';
import { useMessenger, useStore } from '@/realtime/hooks';

/** Who has not touched the page for so long is idle. */
const IDLE_MS = 300_000;
const TOUCHED = ['pointerdown', 'pointermove', 'keydown', 'wheel'] as const;
/** People of the newest direct chats whose presence is shown. */
const MOST_WATCHED = 200;

/** Tells others that one is here, and watches those whom the list shows. */
export function usePresence(conversationId: string | null): void {
  const messenger = useMessenger();
  const conversations = useStore(messenger.conversations);
  const peers = useMemo(
    () =>
      conversations
        .flatMap((row) => (row.peer ? [row.peer.id] : []))
        .slice(0, MOST_WATCHED)
        .join(' '),
    [conversations],
  );
  useEffect(() => messenger.watch(peers === '' ? [] : peers.split(' ')), [messenger, peers]);
  useEffect(() => {
    let touched = Date.now();
    const look = () => {
      const used = !document.hidden && document.hasFocus() && Date.now() - touched < IDLE_MS;
      messenger.present(used, used ? conversationId : null);
    };
    const touch = () => {
      const wasIdle = Date.now() - touched >= IDLE_MS;
      touched = Date.now();
      if (wasIdle) look();
    };
    look();
    const timer = window.setInterval(look, 5_000);
    for (const name of TOUCHED) window.addEventListener(name, touch, { passive: true });
    window.addEventListener('focus', look);
    window.addEventListener('blur', look);
    document.addEventListener('visibilitychange', look);
    return () => {
      window.clearInterval(timer);
      for (const name of TOUCHED) window.removeEventListener(name, touch);
      window.removeEventListener('focus', look);
      window.removeEventListener('blur', look);
      document.removeEventListener('visibilitychange', look);
    };
  }, [messenger, conversationId]);
}
