import { CircleAlert } from 'lucide-react';
import { type CSSProperties, memo } from 'react';
import { clockTime, fullTime } from '@/app/i18n/dates';
import { useText } from '@/app/i18n/i18n';
import { Avatar } from '@/app/ui/Avatar';
import { hueOf } from '@/app/ui/identity';
import { Ticks } from '@/app/ui/Ticks';
import type { Person } from '@/types';
import { refusalText } from '../refusals';
import { FoldedText } from './FoldedText';
import type { MessageRow } from './grouping';
import { isEmojiOnly } from './markdown';
import './message.css';

export interface MessageBubbleProps {
  row: MessageRow;
  sender: Person | null;
  /** Groups name the sender and show a face; direct conversations do neither. */
  isGroup: boolean;
  myHandle: string;
  onRetry: (clientId: string) => void;
  onDelete: (clientId: string) => void;
}

export const MessageBubble = memo(function MessageBubble({ row, sender, isGroup, myHandle, onRetry, onDelete }: MessageBubbleProps) {
  const { item, mine } = row;
  const t = useText();
  const text = item.body.type === 'text' ? item.body.text : '';
  const big = text !== '' && isEmojiOnly(text);
  const others = isGroup && !mine;
  const name = sender?.name ?? t('person.unknown');
  return (
    <div className="message" data-mine={mine || undefined} data-first={row.first || undefined} data-last={row.last || undefined}>
      {others && <span className="message-face">{row.last && <Avatar id={item.senderId} name={name} size={32} />}</span>}
      <div className="message-stack">
        {others && row.first && (
          <bdi className="message-name person-name" style={{ '--hue': hueOf(item.senderId) } as CSSProperties}>
            {name}
          </bdi>
        )}
        <div className="bubble" data-body={big ? 'emoji' : item.body.type}>
          {item.body.type === 'text' && <FoldedText text={text} myHandle={myHandle} />}
          {item.body.type === 'erased' && <p>{t('message.erased')}</p>}
          {item.body.type === 'unknown' && <p>{t('message.unknown')}</p>}
          <span className="bubble-meta numbers">
            <time dateTime={new Date(item.atMs).toISOString()} title={fullTime(item.atMs)}>
              {clockTime(item.atMs)}
            </time>
            {mine && <Ticks state={item.state} />}
          </span>
        </div>
        {item.state === 'failed' && (
          <div className="message-failed">
            <CircleAlert size={15} strokeWidth={2.2} aria-hidden />
            <span>{t('message.notSent', { reason: refusalText(item.error) })}</span>
            <button type="button" onClick={() => onRetry(item.clientId)}>
              {t('action.retry')}
            </button>
            <button type="button" onClick={() => onDelete(item.clientId)}>
              {t('action.delete')}
            </button>
          </div>
        )}
      </div>
    </div>
  );
});
