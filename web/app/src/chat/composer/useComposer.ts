import { useCallback, useEffect, useRef, useState } from 'react';
import { useDraft, useMessenger } from '@/realtime/hooks';
import { useUi } from '@/store/ui';
import { requestEnd } from '../jumps';
import { errorText } from '../refusals';
import { bytesLeft, isSendable } from './limits';

/**
 * The text being written in a conversation. It is kept while one types, so that neither a reload nor a crash loses it. While an
 * earlier message is edited, what was being written waits.
 */
export function useComposer(conversationId: string) {
  const messenger = useMessenger();
  const about = useUi((ui) => (ui.compose?.conversationId === conversationId && ui.compose.thread === undefined ? ui.compose : null));
  const setCompose = useUi((ui) => ui.setCompose);
  const [edit, setEdit] = useState<{ of: string; text: string } | null>(null);
  const editing = about?.kind === 'edit' ? about : null;
  const editText = editing === null ? null : edit?.of === editing.message.messageId ? edit.text : editing.text;
  // What is in the field at this moment, whether or not it was drawn.
  const newest = useRef<string | null>(null);
  newest.current = editText;
  const stored = useDraft(conversationId);
  const [text, setText] = useState(stored);
  const own = useRef(stored);
  const [kept, setKept] = useState(true);

  // Another tab or device changed the draft. What counts is the present one: effects run late, perhaps behind the next key.
  // biome-ignore lint/correctness/useExhaustiveDependencies: `stored` says when to look.
  useEffect(() => {
    const present = messenger.drafts.get().get(conversationId) ?? '';
    if (present === own.current) return;
    own.current = present;
    setText(present);
  }, [stored, messenger, conversationId]);

  // Another conversation is open: its composer has nothing to do with this one's message.
  useEffect(() => () => setCompose(null), [setCompose]);

  const change = useCallback(
    (next: string) => {
      if (editing !== null) {
        newest.current = next;
        setEdit({ of: editing.message.messageId, text: next });
        return;
      }
      own.current = next;
      setText(next);
      setKept(messenger.setDraft(conversationId, next));
      if (next.trim()) messenger.isTyping(conversationId);
    },
    [messenger, conversationId, editing],
  );

  const close = useCallback(() => {
    setEdit(null);
    setCompose(null);
  }, [setCompose]);

  const shown = editText ?? text;
  const left = bytesLeft(shown);
  const canSend = isSendable(shown);
  const send = useCallback(() => {
    if (editing !== null) {
      const said = (newest.current ?? '').trim();
      if (!isSendable(said)) return false;
      if (said !== editing.text) messenger.edit(conversationId, editing.message, said);
      close();
      return true;
    }
    // The field's present text, whether or not it was drawn yet.
    const written = own.current;
    if (!isSendable(written)) return false;
    try {
      messenger.send(conversationId, written.trim(), about?.message ?? null);
    } catch (error) {
      useUi.getState().addToast(errorText(error));
      return false;
    }
    change('');
    close();
    requestEnd();
    return true;
  }, [messenger, conversationId, change, close, editing, about]);

  return { text: shown, change, left, kept: kept || editing !== null, canSend, send, about, close };
}
