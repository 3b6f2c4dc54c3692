import { useMemo } from 'react';
import { useText } from '@/app/i18n/i18n';
import { useMessenger, useStore } from '@/realtime/hooks';
import { Refusal } from '@/realtime/messenger';
import { useUi } from '@/store/ui';
import type { ConversationRow, MessageRef, Pin } from '@/types';
import { errorText } from '../refusals';

/** What is pinned in a conversation, the newest pin first. */
export function usePins(conversationId: string): readonly Pin[] {
  const messenger = useMessenger();
  return useStore(useMemo(() => messenger.pins(conversationId), [messenger, conversationId]));
}

/** Whether the person may pin there. */
export function mayPin({ kind, role, isRequest }: ConversationRow): boolean {
  return !isRequest && (kind === 'direct' || role === 'owner' || role === 'admin');
}

/** Pins a message, or takes that back, and says why not. */
export function usePin(conversationId: string): (message: MessageRef, on: boolean) => void {
  const t = useText();
  const messenger = useMessenger();
  const addToast = useUi((ui) => ui.addToast);
  return (message, on) => {
    messenger.pin(conversationId, message, on).catch((error: unknown) => {
      // The session is over: that says itself. Or it is as wished, said by another device.
      if (error instanceof Refusal && ['no_session', 'already_pinned', 'not_pinned'].includes(error.code)) return;
      addToast(t('pins.refused', { reason: errorText(error) }));
    });
  };
}
