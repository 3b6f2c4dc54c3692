import { useCallback, useEffect, useRef, useState } from 'react';
import { useDraft, useMessenger } from '@/realtime/hooks';
import { useUi } from '@/store/ui';
import { requestEnd } from '../jumps';
import { errorText } from '../refusals';
import { bytesLeft, isSendable } from './limits';

/** The text being written in a conversation. It is kept while one types, so that neither a reload nor a crash loses it. */
export function useComposer(conversationId: string) {
  const messenger = useMessenger();
  const stored = useDraft(conversationId);
  const [text, setText] = useState(stored);
  const own = useRef(stored);

  // Another tab or device changed the draft. What counts is the present one: effects run late, perhaps behind the next key.
  // biome-ignore lint/correctness/useExhaustiveDependencies: `stored` says when to look.
  useEffect(() => {
    const present = messenger.drafts.get().get(conversationId) ?? '';
    if (present === own.current) return;
    own.current = present;
    setText(present);
  }, [stored, messenger, conversationId]);

  const change = useCallback(
    (next: string) => {
      own.current = next;
      setText(next);
      messenger.setDraft(conversationId, next);
      if (next.trim()) messenger.isTyping(conversationId);
    },
    [messenger, conversationId],
  );

  const left = bytesLeft(text);
  const canSend = isSendable(text);
  const send = useCallback(() => {
    // The field's present text, whether or not it was drawn yet.
    const written = own.current;
    if (!isSendable(written)) return false;
    try {
      messenger.send(conversationId, written.trim());
    } catch (error) {
      useUi.getState().addToast(errorText(error));
      return false;
    }
    change('');
    requestEnd();
    return true;
  }, [messenger, conversationId, change]);

  return { text, change, left, canSend, send };
}
