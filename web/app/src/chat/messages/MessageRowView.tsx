import { Copy } from 'lucide-react';
import { type FocusEvent, memo, useMemo } from 'react';
import { clockTime, dayLabel } from '@/app/i18n/dates';
import { useText } from '@/app/i18n/i18n';
import { useUi } from '@/store/ui';
import type { Person } from '@/types';
import { ChangeLine, changeText } from './ChangeLine';
import type { MessageRow, Row } from './grouping';
import { MessageBubble } from './MessageBubble';
import { plainText } from './markdown';

export interface MessageRowViewProps {
  row: Row;
  place: number;
  people: ReadonlyMap<string, Person>;
  me: Person;
  isGroup: boolean;
  isTabStop: boolean;
  flash: boolean;
  onRetry: (clientId: string) => void;
  onDelete: (clientId: string) => void;
  onFocus: (event: FocusEvent<HTMLElement>) => void;
}

/** One row: the day and the divider above it where they belong, and the message with one name for readers. */
export const MessageRowView = memo(
  function MessageRowView(props: MessageRowViewProps) {
    const { row, people, me, isGroup } = props;
    const t = useText();
    // A page that comes before it moves every row's place, and changes no name.
    const name = useMemo(
      () => (row.kind === 'change' ? changeText(row.item, people, me.id, t) : messageName(row, people, t)),
      [row, people, me.id, t],
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
                  onRetry={props.onRetry}
                  onDelete={props.onDelete}
                />
                {row.item.body.type === 'text' && <Tools text={row.item.body.text} mine={row.mine} />}
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
    a.isTabStop === b.isTabStop &&
    a.flash === b.flash &&
    a.isGroup === b.isGroup &&
    a.me === b.me &&
    sameNames(a, b),
);

function sameNames(a: MessageRowViewProps, b: MessageRowViewProps): boolean {
  if (a.people === b.people) return true;
  return a.row.kind === 'message' && a.people.get(a.row.item.senderId) === b.people.get(a.row.item.senderId);
}

function messageName(row: MessageRow, people: ReadonlyMap<string, Person>, t: ReturnType<typeof useText>): string {
  const { item } = row;
  return t('message.name', {
    who: row.mine ? 'me' : 'other',
    name: people.get(item.senderId)?.name ?? t('person.unknown'),
    time: clockTime(item.atMs),
    text: item.body.type === 'text' ? plainText(item.body.text) : t(item.body.type === 'erased' ? 'message.erased' : 'message.unknown'),
    state: row.mine ? item.state : 'none',
  });
}

/** What one can do with a message: shown at the pointer and for the focus, plain buttons since there are many rows. */
function Tools({ text, mine }: { text: string; mine: boolean }) {
  const t = useText();
  const addToast = useUi((ui) => ui.addToast);
  if (!navigator.clipboard) return null;
  return (
    <div className="message-tools" data-mine={mine || undefined}>
      <button
        type="button"
        tabIndex={-1}
        aria-label={t('action.copyText')}
        title={t('action.copyText')}
        onClick={() => void navigator.clipboard.writeText(text).then(() => addToast(t('toast.copied')))}
      >
        <Copy size={17} strokeWidth={1.85} aria-hidden />
      </button>
    </div>
  );
}
