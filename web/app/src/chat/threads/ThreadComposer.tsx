import { ArrowUp } from 'lucide-react';
import { type KeyboardEvent, useCallback, useEffect, useLayoutEffect, useRef, useState } from 'react';
import { useText } from '@/app/i18n/i18n';
import { useDraft, useMessenger } from '@/realtime/hooks';
import type { Thread } from '@/realtime/messenger';
import { useLook } from '@/store/look';
import { useUi } from '@/store/ui';
import type { MessageRef } from '@/types';
import { ComposeBar } from '../composer/ComposeBar';
import { bytesLeft, isSendable } from '../composer/limits';
import { errorText } from '../refusals';
import '../composer/composer.css';

export interface ThreadComposerProps {
  conversationId: string;
  root: MessageRef;
  thread: Thread;
  /** Whether replies are taken: an erased root has no more. */
  open: boolean;
}

/** Pixels up to which the field grows. */
const MOST_HEIGHT = 200;

/** What one writes in a thread. The draft is kept on this device. */
export function ThreadComposer({ conversationId, root, thread, open }: ThreadComposerProps) {
  const t = useText();
  const messenger = useMessenger();
  const enterSends = useLook((look) => look.enterSends);
  const about = useUi((ui) => (ui.compose?.thread === root.messageId ? ui.compose : null));
  const setCompose = useUi((ui) => ui.setCompose);
  const key = `${conversationId}/${root.messageId}`;
  const draft = useDraft(key);
  const [text, setText] = useState(draft);
  const [edit, setEdit] = useState<string | null>(null);
  const field = useRef<HTMLTextAreaElement>(null);
  const editing = about?.kind === 'edit' ? about : null;
  const shown = editing === null ? text : (edit ?? editing.text);
  const canSend = isSendable(shown);
  const over = Math.max(0, -(bytesLeft(shown) ?? 0));

  const change = (next: string) => {
    if (editing !== null) return setEdit(next);
    setText(next);
    messenger.setDraft(key, next);
  };
  const close = useCallback(() => {
    setEdit(null);
    setCompose(null);
  }, [setCompose]);
  // What is edited or answered here has nothing to do with what is opened next.
  useEffect(() => () => setCompose(null), [setCompose]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: the text says when to look.
  useLayoutEffect(() => {
    const box = field.current;
    if (!box) return;
    box.style.height = 'auto';
    box.style.height = `${Math.min(box.scrollHeight, MOST_HEIGHT)}px`;
  }, [shown]);

  const send = () => {
    const said = (field.current?.value ?? shown).trim();
    if (!isSendable(said)) return;
    if (editing !== null) {
      if (said !== editing.text) messenger.edit(conversationId, editing.message, said);
      return close();
    }
    try {
      messenger.send(conversationId, said, about?.message ?? null, root);
    } catch (error) {
      useUi.getState().addToast(errorText(error));
      return;
    }
    change('');
    close();
  };

  const onKeyDown = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    if (event.nativeEvent.isComposing) return;
    if (event.key === 'Escape' && about) {
      event.preventDefault();
      event.stopPropagation();
      return close();
    }
    if (event.key !== 'Enter' || event.altKey) return;
    if (enterSends ? event.shiftKey : !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    send();
  };

  if (!open && editing === null) return null;
  return (
    <>
      {about && <ComposeBar about={about} timeline={thread} onClose={close} />}
      {over > 0 && (
        <p className="composer-note numbers" role="status">
          {t('composer.over', { count: over, shown: String(over) })}
        </p>
      )}
      <form
        className="composer"
        onSubmit={(event) => {
          event.preventDefault();
          send();
          field.current?.focus();
        }}
      >
        <textarea
          ref={field}
          id="thread-composer"
          rows={1}
          dir={shown === '' ? undefined : 'auto'}
          value={shown}
          placeholder={t('thread.placeholder')}
          aria-label={t('thread.placeholder')}
          enterKeyHint={enterSends ? 'send' : 'enter'}
          autoComplete="off"
          onChange={(event) => change(event.target.value)}
          onKeyDown={onKeyDown}
        />
        <button type="submit" className="send-button" disabled={!canSend} aria-label={t('composer.send')}>
          <ArrowUp size={20} strokeWidth={2.2} aria-hidden />
        </button>
      </form>
    </>
  );
}
