import { useMessenger, useStore } from '@/realtime/hooks';

/** How many replies of others are unread in the thread under a message, as far as the person follows it. */
export function useThreadUnread(messageId: string | null): number {
  const threads = useStore(useMessenger().threads);
  return threads?.threads.find(({ root }) => root.messageId === messageId)?.unread ?? 0;
}
