import { BellOff, Pin } from 'lucide-react';
import { memo, useMemo } from 'react';
import { listTime } from '@/app/i18n/dates';
import { badgeCount, useText } from '@/app/i18n/i18n';
import { Avatar } from '@/app/ui/Avatar';
import { firstName } from '@/app/ui/identity';
import { Ticks } from '@/app/ui/Ticks';
import { useDraft, useMessenger, usePeople, useStore } from '@/realtime/hooks';
import type { ConversationRow, MessageItem, Person } from '@/types';
import { textDirection } from '../messages/direction';
import { plainText } from '../messages/markdown';
import { readCount } from '../messages/useReaders';
import { presenceText } from '../presence';

export interface ConversationRowViewProps {
  row: ConversationRow;
  me: Person;
  selected: boolean;
  muted?: boolean;
  onOpen: () => void;
}

/** One conversation: two lines, each cut where it ends. */
export const ConversationRowView = memo(
  function ConversationRowView({ row, me, selected, muted = false, onOpen }: ConversationRowViewProps) {
    const t = useText();
    const { last } = row;
    const isUnread = row.unread > 0;
    const mine = last?.senderId === me.id;
    const presence = useStore(useMessenger().presence).get(row.peer?.id ?? '');
    return (
      <button
        type="button"
        className="row"
        data-selected={selected || undefined}
        data-unread={(isUnread && !muted) || undefined}
        aria-current={selected ? 'page' : undefined}
        onClick={onOpen}
      >
        <span className="row-avatar" data-density-size>
          <Avatar
            id={row.peer?.id ?? row.id}
            name={row.title}
            size={44}
            shape={row.kind === 'direct' ? 'person' : 'group'}
            presence={presence?.state}
          />
        </span>
        <span className="row-text">
          <span className="row-line">
            <bdi className="row-name one-line">{row.title}</bdi>
            {presence && presence.state !== 'offline' && <span className="visually-hidden">{presenceText(presence, t)}</span>}
            {last && (
              <span className="row-time numbers">
                {mine && <RowTicks row={row} last={last} />}
                {listTime(last.atMs)}
              </span>
            )}
          </span>
          <span className="row-line">
            <Preview row={row} mine={mine} />
            {muted && <BellOff className="row-sign" size={15} strokeWidth={1.85} role="img" aria-label={t('apart.muted')} />}
            {row.pinnedMs !== null && <Pin className="row-sign" size={15} strokeWidth={1.85} role="img" aria-label={t('apart.pinned')} />}
            {isUnread && (
              <span
                className="badge"
                data-muted={muted || undefined}
                dir="ltr"
                role="img"
                aria-label={t('list.unreadCount', { count: row.unread })}
              >
                {badgeCount(row.unread)}
              </span>
            )}
          </span>
        </span>
      </button>
    );
  },
  (a, b) => a.row === b.row && a.selected === b.selected && a.muted === b.muted && a.me === b.me,
);

/** In a direct conversation, whether the other has read it, as far as this device knows. */
function RowTicks({ row, last }: { row: ConversationRow; last: MessageItem }) {
  const messenger = useMessenger();
  const receipts = useStore(useMemo(() => messenger.receipts(row.id, true), [messenger, row.id]));
  const read = readCount(last, receipts, row.peer ? [row.peer.id] : []);
  return <Ticks state={last.state} readBy={read.by} readOf={read.of} delivered={read.delivered} />;
}

const NONE: readonly string[] = [];

/** Draft before typing before the last message. */
function Preview({ row, mine }: { row: ConversationRow; mine: boolean }) {
  const t = useText();
  const draft = useDraft(row.id);
  const typing = useStore(useMessenger().typing).get(row.id) ?? NONE;
  const { last } = row;
  const isGroup = row.kind !== 'direct';
  const people = usePeople(last && isGroup && !mine ? [last.senderId] : NONE);
  if (draft.trim()) {
    const text = plainText(draft, 120);
    return (
      <span className="row-preview one-line">
        <b className="row-draft">{t('list.draft')}</b> <bdi dir={textDirection(text) ?? undefined}>{text}</bdi>
      </span>
    );
  }
  if (typing.length > 0) return <span className="row-preview one-line row-typing">{t('typing.direct')}</span>;
  if (row.isRequest) return <span className="row-preview one-line">{t('list.request')}</span>;
  if (!last) return <span className="row-preview one-line">{isGroup ? t('list.newGroup') : t('list.newDirect')}</span>;
  if (last.state === 'failed') return <span className="row-preview one-line row-failed">{t('list.notSent')}</span>;
  const text =
    last.body.type === 'text' ? plainText(last.body.text, 120) : t(last.body.type === 'erased' ? 'message.erased' : 'message.unknown');
  const who = mine ? t('list.you') : isGroup ? firstName(people.get(last.senderId)?.name ?? '') : '';
  return (
    <span className="row-preview one-line" dir={textDirection(text) ?? undefined}>
      {who && (
        <>
          <bdi>{who}</bdi>
          {': '}
        </>
      )}
      <bdi className={row.unread > 0 ? 'row-fresh' : undefined}>{text}</bdi>
    </span>
  );
}
