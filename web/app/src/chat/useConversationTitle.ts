import { useConversation } from '@/realtime/hooks';

export function useConversationTitle(id: string | null): string | null {
  return useConversation(id ?? '')?.title ?? null;
}
