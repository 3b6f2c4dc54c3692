import { ArrowUp, CalendarClock, Smile } from 'lucide-react';
import { type KeyboardEvent, lazy, Suspense, useEffect, useLayoutEffect, useRef, useState } from 'react';
import { formatNumber, useText } from '@/app/i18n/i18n';
import { useSession } from '@/realtime/hooks';
import type { Timeline } from '@/realtime/messenger';
import { useLook } from '@/store/look';
import { useUi } from '@/store/ui';
import { isEditable } from '../messages/compose';
import { ComposeBar } from './ComposeBar';
import { wrapSelection } from './format';
import { useComposer } from './useComposer';
import './composer.css';

const EmojiPopover = lazy(() => import('./EmojiPopover'));

export interface ComposerProps {
  conversationId: string;
  name: string;
  timeline: Timeline | null;
}

const WRAPS: Record<string, string> = { b: '**', i: '*', e: '`' };

/** Where one writes. Enter sends and Shift+Enter makes a line, or the other way round; never while an input method composes. */
export function Composer({ conversationId, name, timeline }: ComposerProps) {
  const t = useText();
  const { me } = useSession();
  const { text, change, left, kept, canSend, send, about, close } = useComposer(conversationId);
  const setCompose = useUi((ui) => ui.setCompose);
  const show = useUi((ui) => ui.show);
  const enterSends = useLook((look) => look.enterSends);
  const field = useRef<HTMLTextAreaElement>(null);
  const emojiButton = useRef<HTMLButtonElement>(null);
  const [picking, setPicking] = useState(false);
  // Safari ends a composition before the Enter that confirmed it.
  const composedAt = useRef(0);

  // biome-ignore lint/correctness/useExhaustiveDependencies: the height follows the text
  useLayoutEffect(() => {
    const box = field.current;
    if (!box) return;
    box.style.height = 'auto';
    box.style.height = `${box.scrollHeight}px`;
  }, [text]);

  useEffect(() => {
    // On touch the keyboard would cover what one came to read.
    if (window.matchMedia('(hover: hover)').matches) field.current?.focus({ preventScroll: true });
  }, []);

  const onKeyDown = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    if (event.nativeEvent.isComposing || event.keyCode === 229 || performance.now() - composedAt.current < 60) return;
    const wrap = WRAPS[event.key.toLowerCase()];
    if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && wrap) {
      event.preventDefault();
      wrapSelection(event.currentTarget, wrap);
      return;
    }
    if (event.key === 'Escape' && about) {
      event.preventDefault();
      event.stopPropagation();
      close();
      return;
    }
    if (event.key === 'ArrowUp' && text === '' && !about && !event.altKey && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      const last = timeline?.get().items.findLast((item) => item.kind === 'message' && isEditable(item, item.senderId === me.id));
      if (last?.kind !== 'message' || last.body.type !== 'text' || last.messageId === null || last.seq === null) return;
      event.preventDefault();
      setCompose({ kind: 'edit', conversationId, message: { messageId: last.messageId, seq: last.seq }, text: last.body.text });
      return;
    }
    if (event.key !== 'Enter' || event.altKey) return;
    const strong = event.ctrlKey || event.metaKey;
    if (enterSends ? event.shiftKey : !strong) return;
    event.preventDefault();
    send();
  };

  const insert = (emoji: string) => {
    const box = field.current;
    if (!box) return;
    box.setRangeText(emoji, box.selectionStart, box.selectionEnd, 'end');
    change(box.value);
    setPicking(false);
    box.focus();
  };

  const over = Math.max(0, -(left ?? 0));
  return (
    <>
      {about && timeline && <ComposeBar about={about} timeline={timeline} onClose={close} />}
      <p id="composer-note" className="composer-note numbers" role="status">
        {over > 0 && <span>{t('composer.over', { count: over, shown: formatNumber(over) })}</span>}
        {!kept && <span>{t('composer.notKept')}</span>}
      </p>
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
          id="composer"
          rows={1}
          // While it is empty, the placeholder reads as the screen does.
          dir={text === '' ? undefined : 'auto'}
          value={text}
          placeholder={t('composer.placeholder', { name })}
          aria-label={t('composer.label', { name })}
          aria-describedby={left === null ? undefined : over > 0 ? 'composer-note' : 'composer-count'}
          enterKeyHint={enterSends ? 'send' : 'enter'}
          autoComplete="off"
          onChange={(event) => change(event.target.value)}
          onKeyDown={onKeyDown}
          onCompositionEnd={() => {
            composedAt.current = performance.now();
          }}
        />
        {left !== null && over === 0 && (
          <span id="composer-count" className="composer-count numbers" aria-live="polite">
            {formatNumber(left)}
          </span>
        )}
        <button
          ref={emojiButton}
          type="button"
          className="icon-button"
          aria-label={t('composer.emoji')}
          title={t('composer.emoji')}
          aria-haspopup="dialog"
          aria-expanded={picking}
          onClick={() => setPicking(true)}
        >
          <Smile size={21} strokeWidth={1.85} aria-hidden />
        </button>
        {picking && (
          <Suspense fallback={null}>
            <EmojiPopover trigger={emojiButton} onPick={insert} onClose={() => setPicking(false)} />
          </Suspense>
        )}
        {canSend && about?.kind !== 'edit' && (
          <button
            type="button"
            className="icon-button"
            aria-label={t('later.send')}
            title={t('later.send')}
            aria-haspopup="dialog"
            onClick={() =>
              show({
                type: 'send-later',
                of: { conversationId, text: text.trim(), replyTo: about?.message.messageId ?? null, key: null, atMs: null },
              })
            }
          >
            <CalendarClock size={21} strokeWidth={1.85} aria-hidden />
          </button>
        )}
        <button type="submit" className="send-button" disabled={!canSend} aria-label={t('composer.send')}>
          <ArrowUp size={20} strokeWidth={2.2} aria-hidden />
        </button>
      </form>
    </>
  );
}
