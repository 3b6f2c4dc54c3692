import { useText } from '@/app/i18n/i18n';
import { useMessenger } from '@/realtime/hooks';
import { Refusal } from '@/realtime/messenger';
import { useUi } from '@/store/ui';
import type { MessageItem } from '@/types';
import { errorText } from '../refusals';

/** Reacts to a message, or takes that back; absent where there is nothing to react to. */
export function useReact(item: MessageItem, conversationId: string): ((emoji: string, on: boolean) => void) | undefined {
  const t = useText();
  const messenger = useMessenger();
  const addToast = useUi((ui) => ui.addToast);
  const { messageId, seq } = item;
  if (messageId === null || seq === null || item.state !== 'sent' || item.body.type === 'erased') return undefined;
  return (emoji, on) => {
    messenger.react(conversationId, { messageId, seq }, emoji, on).catch((error: unknown) => {
      // The session is over: that says itself. Or it is as wished, said by another device.
      if (error instanceof Refusal && ['no_session', 'already_reacted', 'not_reacted'].includes(error.code)) return;
      addToast(t('reactions.refused', { reason: errorText(error) }));
    });
  };
}
