import { SmilePlus } from 'lucide-react';
import { lazy, Suspense, useRef, useState } from 'react';
import { useText } from '@/app/i18n/i18n';
import type { MessageItem } from '@/types';
import { useReact } from './useReact';

const ReactPopover = lazy(() => import('./ReactPopover'));

/** The way to a reaction: some emoji at once, and all the others behind them. */
export function ReactButton({ item, conversationId }: { item: MessageItem; conversationId: string }) {
  const t = useText();
  const button = useRef<HTMLButtonElement>(null);
  const [open, setOpen] = useState(false);
  const react = useReact(item, conversationId);
  if (react === undefined) return null;
  const mine = (emoji: string) => item.reactions.some((reaction) => reaction.mine && reaction.emoji === emoji);
  const pick = (emoji: string) => {
    setOpen(false);
    react(emoji, !mine(emoji));
  };
  return (
    <>
      <button
        ref={button}
        type="button"
        tabIndex={-1}
        data-react
        aria-label={t('action.react')}
        title={t('action.react')}
        aria-haspopup="dialog"
        aria-expanded={open}
        onClick={() => setOpen(true)}
      >
        <SmilePlus size={17} strokeWidth={1.85} aria-hidden />
      </button>
      {open && (
        <Suspense fallback={null}>
          <ReactPopover trigger={button} isMine={mine} onPick={pick} onClose={() => setOpen(false)} />
        </Suspense>
      )}
    </>
  );
}
