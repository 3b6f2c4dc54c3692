import { useCallback, useEffect, useRef, useState } from 'react';
import { useDraft, useMessenger } from '@/realtime/hooks';

/** Bytes of UTF-8 that the server takes. */
export const MAX_BYTES = 16_384;
/** The counter shows in the last tenth. */
const COUNT_FROM = MAX_BYTES * 0.9;

const encoder = new TextEncoder();

export function byteLength(text: string): number {
  // Most texts are far from the limit: three bytes a code unit is the most there can be.
  return text.length * 3 < COUNT_FROM ? text.length : encoder.encode(text).length;
}

/** The bytes that are left, or null while they are nobody's concern. */
export function bytesLeft(text: string): number | null {
  const used = byteLength(text);
  return used >= COUNT_FROM ? MAX_BYTES - used : null;
}

/** The text being written in a conversation. It is kept while one types, so that neither a reload nor a crash loses it. */
export function useComposer(conversationId: string) {
  const messenger = useMessenger();
  const stored = useDraft(conversationId);
  const [text, setText] = useState(stored);
  const own = useRef(stored);

  // Another tab or device changed the draft.
  useEffect(() => {
    if (stored === own.current) return;
    own.current = stored;
    setText(stored);
  }, [stored]);

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
  const canSend = text.trim() !== '' && (left === null || left >= 0);
  const send = useCallback(() => {
    if (!canSend) return false;
    messenger.send(conversationId, text.trim());
    change('');
    return true;
  }, [canSend, messenger, conversationId, text, change]);

  return { text, change, left, canSend, send };
}
