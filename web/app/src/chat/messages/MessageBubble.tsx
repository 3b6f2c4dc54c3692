import { CircleAlert } from 'lucide-react';
import type { CSSProperties, ReactNode } from 'react';
import { clockTime, fullTime } from '@/app/i18n/dates';
import { useText } from '@/app/i18n/i18n';
import { Avatar } from '@/app/ui/Avatar';
import { hueOf } from '@/app/ui/identity';
import { Ticks } from '@/app/ui/Ticks';
import { useUi } from '@/store/ui';
import type { MessageItem, Person } from '@/types';
import { refusalText } from '../refusals';
import { FoldedText } from './FoldedText';
import type { MessageRow } from './grouping';
import { isEmojiOnly } from './markdown';
import { Quote } from './Quote';
import './message.css';

export interface MessageBubbleProps {
  row: MessageRow;
  sender: Person | null;
  /** Groups name the sender and show a face; direct conversations do neither. */
  isGroup: boolean;
  myHandle: string;
  conversationId: string;
  /** The message that it answers, and who sent that. */
  quoted: MessageItem | null | undefined;
  quotedName: string;
  /** How many of the others have read it, of how many. */
  readBy: number;
  readOf: number;
  delivered: boolean;
  /** Below the bubble. */
  reactions: ReactNode;
  onRetry: (clientId: string) => void;
  onDelete: (clientId: string) => void;
}

export function MessageBubble(props: MessageBubbleProps) {
  const { row, sender, isGroup, myHandle, onRetry, onDelete } = props;
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
        <div className="bubble" data-body={big && !item.replyTo ? 'emoji' : item.body.type}>
          {item.replyTo && <Quote seq={item.replyTo.seq} quoted={props.quoted} name={props.quotedName} />}
          {item.body.type === 'text' && <FoldedText text={text} myHandle={myHandle} />}
          {item.body.type === 'erased' && <p>{t('message.erased')}</p>}
          {item.body.type === 'unknown' && <p>{t('message.unknown')}</p>}
          <span className="bubble-meta numbers">
            {item.editedMs !== null && <Edited item={item} conversationId={props.conversationId} />}
            <time dateTime={new Date(item.atMs).toISOString()} title={fullTime(item.atMs)}>
              {clockTime(item.atMs)}
            </time>
            {mine && (
              <Ticks
                state={item.editing?.state === 'pending' ? 'pending' : item.state}
                readBy={props.readBy}
                readOf={props.readOf}
                delivered={props.delivered}
              />
            )}
          </span>
        </div>
        {props.reactions}
        {item.state === 'failed' && (
          <Failed
            text={t('message.notSent', { reason: refusalText(item.error) })}
            onRetry={() => onRetry(item.clientId)}
            onDelete={() => onDelete(item.clientId)}
          />
        )}
        {item.editing?.state === 'failed' && (
          <Failed
            text={t(item.editing.deletes ? 'message.notDeleted' : 'message.notEdited', { reason: refusalText(item.editing.error) })}
            onRetry={() => item.editing && onRetry(item.editing.clientId)}
            onDelete={() => item.editing && onDelete(item.editing.clientId)}
          />
        )}
      </div>
    </div>
  );
}

function Failed({ text, onRetry, onDelete }: { text: string; onRetry: () => void; onDelete: () => void }) {
  const t = useText();
  return (
    <div className="message-failed">
      <CircleAlert size={15} strokeWidth={2.2} aria-hidden />
      <span>{text}</span>
      <button type="button" onClick={onRetry}>
        {t('action.retry')}
      </button>
      <button type="button" onClick={onDelete}>
        {t('action.delete')}
      </button>
    </div>
  );
}

/** That it was edited, and the way to what it said before. */
function Edited({ item, conversationId }: { item: MessageItem; conversationId: string }) {
  const t = useText();
  const show = useUi((ui) => ui.show);
  const { messageId, editedMs } = item;
  return (
    <button
      type="button"
      className="edited-mark"
      tabIndex={-1}
      title={editedMs === null ? undefined : fullTime(editedMs)}
      aria-label={t('message.editedLabel')}
      onClick={() => messageId && show({ type: 'revisions', conversationId, messageId })}
    >
      {t('message.edited')}
    </button>
  );
}
