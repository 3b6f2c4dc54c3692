import { CheckCheck, Copy, Mail, MessagesSquare, Pencil, Pin, PinOff, Reply, Trash2, Users } from 'lucide-react';
import { type FocusEvent, memo, useMemo } from 'react';
import { useLocation } from 'wouter';
import { clockTime, dayLabel } from '@/app/i18n/dates';
import { useText } from '@/app/i18n/i18n';
import { useMessenger } from '@/realtime/hooks';
import { useUi } from '@/store/ui';
import type { MessageItem, Person } from '@/types';
import { usePin } from '../pins/usePins';
import { errorText } from '../refusals';
import { ThreadLine } from '../threads/ThreadLine';
import { ChangeLine, changeText } from './ChangeLine';
import { composeFor, deletionOf } from './compose';
import type { MessageRow, Row } from './grouping';
import { MessageBubble } from './MessageBubble';
import { plainText } from './markdown';
import { ReactButton } from './ReactButton';
import { Reactions } from './Reactions';
import { useLongPress } from './useLongPress';
import type { ReadCount } from './useReaders';

export interface MessageRowViewProps {
  row: Row;
  place: number;
  people: ReadonlyMap<string, Person>;
  me: Person;
  isGroup: boolean;
  conversationId: string;
  /** Whether the person may delete what others wrote. */
  moderates: boolean;
  /** Whether the person may pin here, and whether the message is pinned. */
  pins?: boolean;
  pinned?: boolean;
  /** The message that it answers; undefined while it is looked for. */
  quoted: MessageItem | null | undefined;
  /** Of a message of one's own: how many of the others have read it, of how many. */
  readBy: number;
  readOf: number;
  /** Whether devices of all others have it. */
  delivered: boolean;
  isTabStop: boolean;
  flash: boolean;
  /** Whether it is shown in a thread, as its root or a reply. */
  inThread?: boolean;
  onRetry: (clientId: string) => void;
  onDelete: (clientId: string) => void;
  onFocus: (event: FocusEvent<HTMLElement>) => void;
}

/** One row: the day and the divider above it where they belong, and the message with one name for readers. */
export const MessageRowView = memo(
  function MessageRowView(props: MessageRowViewProps) {
    const { row, people, me, isGroup, readBy, readOf, delivered } = props;
    const t = useText();
    const press = useLongPress();
    // A page that comes before it moves every row's place, and changes no name.
    const name = useMemo(
      () =>
        row.kind === 'change' ? changeText(row.item, people, me.id, t) : messageName(row, people, { by: readBy, of: readOf, delivered }, t),
      [row, people, me.id, readBy, readOf, delivered, t],
    );
    return (
      <div className="message-outer">
        {row.day !== null && (
          <div className="day-line">
            <span className="day-pill">{dayLabel(row.day)}</span>
          </div>
        )}
        {row.startsNew && <div className="new-line message-column">{t('messages.new')}</div>}
        <article
          className="message-row"
          tabIndex={props.isTabStop ? 0 : -1}
          aria-posinset={props.place}
          aria-setsize={-1}
          aria-label={name}
          data-key={row.key}
          data-flash={props.flash || undefined}
          onFocus={props.onFocus}
          {...(row.kind === 'message' ? press : {})}
        >
          <div className="message-column">
            {row.kind === 'change' ? (
              <ChangeLine item={row.item} people={people} me={me.id} />
            ) : (
              <>
                <MessageBubble
                  row={row}
                  sender={people.get(row.item.senderId) ?? null}
                  isGroup={isGroup}
                  myHandle={me.handle}
                  conversationId={props.conversationId}
                  quoted={props.quoted}
                  quotedName={nameOf(props, t)}
                  readBy={readBy}
                  readOf={readOf}
                  delivered={delivered}
                  reactions={
                    <>
                      <Reactions item={row.item} conversationId={props.conversationId} people={people} me={me} />
                      {row.item.replies !== null && !props.inThread && <ThreadLine item={row.item} conversationId={props.conversationId} />}
                    </>
                  }
                  onRetry={props.onRetry}
                  onDelete={props.onDelete}
                />
                <Tools
                  row={row}
                  conversationId={props.conversationId}
                  moderates={props.moderates}
                  inThread={props.inThread === true}
                  pins={props.pins === true}
                  pinned={props.pinned === true}
                />
              </>
            )}
          </div>
        </article>
      </div>
    );
  },
  (a, b) =>
    a.row === b.row &&
    a.place === b.place &&
    a.readBy === b.readBy &&
    a.readOf === b.readOf &&
    a.delivered === b.delivered &&
    a.isTabStop === b.isTabStop &&
    a.flash === b.flash &&
    a.isGroup === b.isGroup &&
    a.me === b.me &&
    a.conversationId === b.conversationId &&
    a.moderates === b.moderates &&
    a.pins === b.pins &&
    a.pinned === b.pinned &&
    a.quoted === b.quoted &&
    sameNames(a, b),
);

function sameNames(a: MessageRowViewProps, b: MessageRowViewProps): boolean {
  if (a.people === b.people) return true;
  const same = (id: string | undefined) => id === undefined || a.people.get(id) === b.people.get(id);
  if (a.row.kind !== 'message' || !same(a.row.item.senderId) || !same(a.quoted?.senderId)) return false;
  return a.row.item.reactions.every(({ by }) => by.every(same));
}

function nameOf({ quoted, people, me }: MessageRowViewProps, t: ReturnType<typeof useText>): string {
  if (!quoted) return '';
  return quoted.senderId === me.id ? me.name : (people.get(quoted.senderId)?.name ?? t('person.unknown'));
}

function messageName(row: MessageRow, people: ReadonlyMap<string, Person>, read: ReadCount, t: ReturnType<typeof useText>): string {
  const { item } = row;
  const replies = item.replies === null ? '' : t('thread.replies', { count: item.replies.count });
  const reactions = item.reactions.map(({ emoji, count }) => t('reactions.chip', { emoji, count })).join(', ');
  const state =
    read.by === 0 ? (item.state === 'sent' && read.delivered ? 'delivered' : item.state) : read.by === read.of ? 'read' : 'some';
  const named = t('message.name', {
    who: row.mine ? 'me' : 'other',
    name: people.get(item.senderId)?.name ?? t('person.unknown'),
    time: clockTime(item.atMs),
    text: item.body.type === 'text' ? plainText(item.body.text) : t(item.body.type === 'erased' ? 'message.erased' : 'message.unknown'),
    edited: item.editedMs === null ? 'no' : 'yes',
    state: row.mine ? state : 'none',
    count: read.by,
    of: read.of,
  });
  const shown = reactions === '' ? named : `${named} ${t('reactions.name', { reactions })}`;
  return replies === '' ? shown : `${shown} ${replies}.`;
}

/** What one can do with a message: shown at the pointer and for the focus, plain buttons since there are many rows. */
interface ToolsProps {
  row: MessageRow;
  conversationId: string;
  moderates: boolean;
  inThread: boolean;
  pins: boolean;
  pinned: boolean;
}

function Tools({ row, conversationId, moderates, inThread, pins, pinned }: ToolsProps) {
  const t = useText();
  const addToast = useUi((ui) => ui.addToast);
  const show = useUi((ui) => ui.show);
  const messenger = useMessenger();
  const [, navigate] = useLocation();
  const pin = usePin(conversationId);
  const { item, mine } = row;
  const { messageId, seq } = item;
  const text = item.body.type === 'text' ? item.body.text : null;
  const setThread = useUi((ui) => ui.setThread);
  const compose = composeFor(row, conversationId, inThread ? (item.thread?.messageId ?? messageId ?? undefined) : undefined);
  const remove = deletionOf(row, conversationId, moderates);
  const tools = [
    compose.reply && { label: t('action.reply'), icon: Reply, act: compose.reply },
    !inThread &&
      item.state === 'sent' &&
      messageId !== null &&
      seq !== null &&
      item.body.type !== 'erased' && {
        label: t('action.replyInThread'),
        icon: MessagesSquare,
        act: () => setThread({ conversationId, root: { messageId, seq } }),
      },
    compose.edit && { label: t('action.edit'), icon: Pencil, act: compose.edit },
    text !== null &&
      navigator.clipboard && {
        label: t('action.copyText'),
        icon: Copy,
        act: () => void navigator.clipboard.writeText(text).then(() => addToast(t('toast.copied'))),
      },
    mine &&
      messageId !== null &&
      item.body.type !== 'erased' && {
        label: t('action.details'),
        icon: CheckCheck,
        act: () => show({ type: 'details', conversationId, messageId }),
      },
    // It would be read again before one's eyes.
    !mine &&
      !inThread &&
      seq !== null && {
        label: t('action.markUnread'),
        icon: Mail,
        // The word that it is unread may come before the answer: by then nothing may be before one's eyes.
        act: () => {
          navigate('/');
          messenger.markUnread(conversationId, seq).catch((thrown) => addToast(errorText(thrown)));
        },
      },
    pins &&
      messageId !== null &&
      seq !== null &&
      item.state === 'sent' &&
      item.body.type !== 'erased' && {
        label: t(pinned ? 'action.unpinMessage' : 'action.pinMessage'),
        icon: pinned ? PinOff : Pin,
        act: () => pin({ messageId, seq }, !pinned),
      },
    item.reactions.length > 0 &&
      messageId !== null && {
        label: t('action.reactors'),
        icon: Users,
        act: () => show({ type: 'reactors', conversationId, messageId }),
      },
    remove && { label: t('action.delete'), icon: Trash2, act: remove },
  ];
  const shown = tools.filter((tool) => !!tool);
  if (shown.length === 0) return null;
  return (
    <div className="message-tools" role="toolbar" aria-label={t('keys.actions')} data-mine={mine || undefined}>
      <ReactButton item={item} conversationId={conversationId} />
      {shown.map(({ label, icon: Icon, act }) => (
        <button key={label} type="button" tabIndex={-1} aria-label={label} title={label} onClick={act}>
          <Icon className={Icon === Reply ? 'mirrored' : undefined} size={17} strokeWidth={1.85} aria-hidden />
        </button>
      ))}
    </div>
  );
}
