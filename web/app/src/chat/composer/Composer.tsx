import { ArrowUp, Smile } from 'lucide-react';
import { type KeyboardEvent, lazy, Suspense, useEffect, useLayoutEffect, useRef, useState } from 'react';
import { formatNumber, useText } from '@/app/i18n/i18n';
import { useLook } from '@/store/look';
import { wrapSelection } from './format';
import { useComposer } from './useComposer';
import './composer.css';

const EmojiPopover = lazy(() => import('./EmojiPopover'));

export interface ComposerProps {
  conversationId: string;
  name: string;
}

const WRAPS: Record<string, string> = { b: '**', i: '*', e: '`' };

/** Where one writes. Enter sends and Shift+Enter makes a line, or the other way round; never while an input method composes. */
export function Composer({ conversationId, name }: ComposerProps) {
  const t = useText();
  const { text, change, left, canSend, send } = useComposer(conversationId);
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

  return (
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
        dir="auto"
        value={text}
        placeholder={t('composer.placeholder', { name })}
        aria-label={t('composer.label', { name })}
        aria-describedby={left === null ? undefined : 'composer-count'}
        enterKeyHint={enterSends ? 'send' : 'enter'}
        autoComplete="off"
        onChange={(event) => change(event.target.value)}
        onKeyDown={onKeyDown}
        onCompositionEnd={() => {
          composedAt.current = performance.now();
        }}
      />
      {left !== null && (
        <span id="composer-count" className="composer-count numbers" data-over={left < 0 || undefined} aria-live="polite">
          {left < 0 ? t('composer.over', { count: -left, shown: formatNumber(-left) }) : formatNumber(left)}
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
      <button type="submit" className="send-button" disabled={!canSend} aria-label={t('composer.send')}>
        <ArrowUp size={20} strokeWidth={2.2} aria-hidden />
      </button>
    </form>
  );
}
