import { type CSSProperties, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react';
import { useText } from '@/app/i18n/i18n';
import { useMessenger, usePeople, useSession } from '@/realtime/hooks';
import type { Timeline, TimelineState } from '@/realtime/messenger';
import { useUi } from '@/store/ui';
import type { ConversationRow } from '@/types';
import { mayPin, usePins } from '../pins/usePins';
import { peopleOf } from './ChangeLine';
import { DayLabel } from './DayLabel';
import { buildRows, type Row } from './grouping';
import { JumpButtons } from './JumpButtons';
import { MessageRowView } from './MessageRowView';
import { useDivider } from './useDivider';
import { useJump } from './useJump';
import { usePaging } from './usePaging';
import { useReaders } from './useReaders';
import { useReading } from './useReading';
import { useRoving } from './useRoving';
import { useVirtualRows } from './useVirtualRows';
import './list.css';

export interface MessageListProps {
  conversation: ConversationRow;
  timeline: Timeline;
  state: TimelineState;
}

/** The messages of a conversation: a window over its history, of which only what is seen is mounted. */
export function MessageList({ conversation, timeline, state }: MessageListProps) {
  const t = useText();
  const messenger = useMessenger();
  const { me } = useSession();
  const show = useUi((ui) => ui.show);
  const scroller = useRef<HTMLDivElement>(null);
  const divider = useDivider(conversation, state.items, me.id);
  const previous = useRef<ReadonlyMap<string, Row>>(new Map());
  const rows = useMemo(() => {
    const made = buildRows(state.items, me.id, divider.afterSeq, previous.current);
    previous.current = new Map(made.map((row) => [row.key, row]));
    return made;
  }, [state.items, me.id, divider.afterSeq]);
  const ids = useMemo(() => {
    const all = new Set<string>();
    for (const row of rows) {
      if (row.kind === 'message') {
        all.add(row.item.senderId);
        for (const { by } of row.item.reactions) for (const id of by) all.add(id);
      } else for (const id of peopleOf(row.item)) all.add(id);
    }
    for (const quoted of state.quoted.values()) if (quoted) all.add(quoted.senderId);
    return [...all];
  }, [rows, state.quoted]);
  const known = usePeople(ids);
  const { peer } = conversation;
  // The two of a direct conversation are known with it.
  const people = useMemo(() => (peer && !known.has(peer.id) ? new Map(known).set(peer.id, peer) : known), [known, peer]);
  const isGroup = conversation.kind !== 'direct';
  const moderates = isGroup && (conversation.role === 'owner' || conversation.role === 'admin');
  const pinned = usePins(conversation.id);
  const pinnedIds = useMemo(() => new Set(pinned.map(({ message }) => message.messageId)), [pinned]);
  const pins = mayPin(conversation);
  const roving = useRoving(rows, conversation.id, moderates);
  const { virtualizer, stick, unstick } = useVirtualRows(rows, scroller, !state.hasNewer, roving.index);
  roving.attach(virtualizer);
  const view = useReading({ conversation, rows, virtualizer, scroller, divider, hasOlder: state.hasOlder });
  useEffect(() => timeline.follow(view.atEnd), [timeline, view.atEnd]);
  usePaging({ timeline, state, rows, virtualizer, scroller });
  const [opened, setOpened] = useState(false);
  const jump = useJump({ conversationId: conversation.id, opened, timeline, rows, virtualizer, stick, unstick, divider, state });

  useLayoutEffect(() => {
    if (opened || rows.length === 0) return;
    const index = rows.findIndex((row) => row.startsNew);
    if (index > 0) virtualizer.scrollToIndex(index, { align: 'start' });
    else stick();
    setOpened(true);
  }, [opened, rows, virtualizer, stick]);

  const readCount = useReaders(conversation, me.id);
  const items = virtualizer.getVirtualItems();
  const { day } = view;
  return (
    <div className="list-frame">
      {day !== null && (
        <DayLabel
          atMs={day}
          hidden={view.dayShown || !view.moving}
          onPress={() => show({ type: 'jump-to-date', conversationId: conversation.id, atMs: day })}
        />
      )}
      <div
        ref={scroller}
        className="message-scroller scrolls"
        role="feed"
        aria-label={t('messages.label', { name: conversation.title })}
        aria-busy={state.opening}
        onKeyDown={roving.onKeyDown}
        data-ready={opened || undefined}
      >
        <div className="message-sizer" style={{ height: `${virtualizer.getTotalSize()}px` } as CSSProperties}>
          {items.map((item) => {
            const row = rows[item.index];
            if (!row) return null;
            const read = row.kind === 'message' && row.mine ? readCount(row.item) : null;
            return (
              <div
                key={item.key}
                ref={virtualizer.measureElement}
                data-index={item.index}
                className="message-place"
                style={{ transform: `translateY(${item.start}px)` }}
              >
                <MessageRowView
                  row={row}
                  place={item.index + 1}
                  people={people}
                  me={me}
                  isGroup={isGroup}
                  conversationId={conversation.id}
                  moderates={moderates}
                  pins={pins}
                  pinned={row.kind === 'message' && row.item.messageId !== null && pinnedIds.has(row.item.messageId)}
                  quoted={row.kind === 'message' && row.item.replyTo ? state.quoted.get(row.item.replyTo.messageId) : undefined}
                  readBy={read?.by ?? 0}
                  readOf={read?.of ?? 0}
                  delivered={read?.delivered ?? false}
                  isTabStop={row.key === roving.tabStop}
                  flash={jump.flashed === row.key}
                  onRetry={(clientId) => messenger.retry(clientId)}
                  onDelete={(clientId) => show({ type: 'delete-unsent', clientId })}
                  onFocus={roving.onFocus}
                />
              </div>
            );
          })}
        </div>
      </div>
      <JumpButtons
        atEnd={view.atEnd && !state.hasNewer}
        unread={conversation.unread}
        dividerAbove={view.dividerAbove}
        onEnd={() => void jump.toEnd()}
        onFirstUnread={() => void jump.toFirstUnread()}
      />
    </div>
  );
}
