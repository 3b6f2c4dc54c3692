import type { CSSProperties } from 'react';
import { useText } from '@/app/i18n/i18n';
import { hueOf } from '@/app/ui/identity';
import type { MessageItem } from '@/types';
import { requestJump } from '../jumps';
import { plainText } from './markdown';

/** The beginning is enough for two lines. */
const SHOWN_CHARS = 240;

/** What a quoted message says now, in a line; null where it is not there. */
export function quotedText(item: MessageItem | null, t: ReturnType<typeof useText>): string {
  if (item === null) return t('quote.gone');
  if (item.body.type === 'text') return plainText(item.body.text.slice(0, SHOWN_CHARS));
  return t(item.body.type === 'erased' ? 'message.erased' : 'message.unknown');
}

export interface QuoteProps {
  seq: number;
  /** Undefined while it is looked for. */
  quoted: MessageItem | null | undefined;
  name: string;
}

/** The message that another one answers, as it is now. A press goes to it. */
export function Quote({ seq, quoted, name }: QuoteProps) {
  const t = useText();
  if (quoted === undefined) return <span className="quote" data-loading aria-hidden />;
  const text = quotedText(quoted, t);
  if (quoted === null) return <span className="quote">{text}</span>;
  return (
    <button
      type="button"
      className="quote"
      tabIndex={-1}
      style={{ '--hue': hueOf(quoted.senderId) } as CSSProperties}
      aria-label={t('quote.label', { name, text })}
      onClick={() => requestJump({ seq })}
    >
      <bdi className="person-name">{name}</bdi>
      <span dir="auto">{text}</span>
    </button>
  );
}
