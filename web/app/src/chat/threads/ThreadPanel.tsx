import { Bell, BellOff, X } from 'lucide-react';
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react';
import { dayKey } from '@/app/i18n/dates';
import { useText } from '@/app/i18n/i18n';
import { useMessenger, usePeople, useSession, useStore } from '@/realtime/hooks';
import type { Thread } from '@/realtime/messenger';
import { useUi } from '@/store/ui';
import type { ConversationRow, MessageItem, MessageRef } from '@/types';
import { buildRows, type Row } from '../messages/grouping';
import { MessageRowView } from '../messages/MessageRowView';
import { errorText } from '../refusals';
import { ThreadComposer } from './ThreadComposer';
import '../groups/groups.css';
import '../messages/list.css';
import './thread.css';

/** Pixels from the end within which the newest reply stays in view. */
const NEAR_END = 80;

/** The thread under a message: beside the conversation, or over it on a narrow screen. */
export default function ThreadPanel({ conversation, root }: { conversation: ConversationRow; root: MessageRef }) {
  const messenger = useMessenger();
  const [thread, setThread] = useState<Thread | null>(null);
  const { id } = conversation;
  const { messageId, seq } = root;
  useEffect(() => {
    const opened = messenger.thread(id, { messageId, seq });
    setThread(opened);
    return () => opened.close();
  }, [messenger, id, messageId, seq]);
  return thread && <Open key={messageId} conversation={conversation} root={root} thread={thread} />;
}

function Open({ conversation, root, thread }: { conversation: ConversationRow; root: MessageRef; thread: Thread }) {
  const t = useText();
  const { setThread, addToast } = useUi();
  const state = useStore(thread);
  const close = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    const before = document.activeElement as HTMLElement | null;
    close.current?.focus({ preventScroll: true });
    return () => {
      if (before?.isConnected) before.focus({ preventScroll: true });
    };
  }, []);
  const follow = () => void thread.follow(!state.following).catch((error) => addToast(errorText(error)));
  const label = t(state.following ? 'thread.unfollow' : 'thread.follow');
  const Icon = state.following ? Bell : BellOff;
  const gone = !state.opening && state.root === null;
  return (
    <aside
      className="sheet side-panel thread-panel"
      aria-label={t('thread.title')}
      onKeyDown={(event) => {
        if (event.key !== 'Escape') return;
        event.stopPropagation();
        setThread(null);
      }}
    >
      <header className="panel-head">
        <h2>{t('thread.title')}</h2>
        <div className="thread-head">
          {state.root !== null && (
            <button type="button" className="icon-button" aria-label={label} aria-pressed={state.following} title={label} onClick={follow}>
              <Icon size={19} strokeWidth={1.85} aria-hidden />
            </button>
          )}
          <button ref={close} type="button" className="icon-button" aria-label={t('action.close')} onClick={() => setThread(null)}>
            <X size={20} strokeWidth={1.85} aria-hidden />
          </button>
        </div>
      </header>
      {gone ? (
        <p className="thread-empty">{t(state.error === null ? 'thread.gone' : 'messages.failed')}</p>
      ) : (
        <Replies conversation={conversation} thread={thread} />
      )}
      {!gone && !conversation.isRequest && (
        <div className="composer-place">
          <ThreadComposer conversationId={conversation.id} root={root} thread={thread} open={state.root?.body.type !== 'erased'} />
        </div>
      )}
    </aside>
  );
}

function Replies({ conversation, thread }: { conversation: ConversationRow; thread: Thread }) {
  const t = useText();
  const { me } = useSession();
  const state = useStore(thread);
  const body = useRef<HTMLDivElement>(null);
  const previous = useRef<ReadonlyMap<string, Row>>(new Map());
  const rootRow = useMemo(() => (state.root === null ? [] : buildRows([state.root], me.id, null)), [state.root, me.id]);
  const rootAtMs = state.root?.atMs ?? null;
  const after = state.firstUnreadSeq === null ? null : state.firstUnreadSeq - 1;
  const rows = useMemo(() => {
    const made = buildRows(state.items, me.id, after, previous.current);
    previous.current = new Map(made.map((row) => [row.key, row]));
    // The root has its day above it already.
    const [first, ...rest] = made;
    const sameDay = first && rootAtMs !== null && dayKey(first.item.atMs) === dayKey(rootAtMs);
    return sameDay ? [{ ...first, day: null }, ...rest] : made;
  }, [state.items, me.id, after, rootAtMs]);
  const ids = useMemo(() => {
    const shown = [...(state.root ? [state.root] : []), ...state.items];
    const all = new Set(shown.flatMap(({ senderId, reactions }) => [senderId, ...reactions.flatMap(({ by }) => by)]));
    for (const quoted of state.quoted.values()) if (quoted) all.add(quoted.senderId);
    return [...all];
  }, [state.root, state.items, state.quoted]);
  const people = usePeople(ids);
  useEnd(body, state.items);
  useRead(thread, state.items);
  const isGroup = conversation.kind !== 'direct';
  const shared = {
    people,
    me,
    isGroup,
    conversationId: conversation.id,
    moderates: isGroup && (conversation.role === 'owner' || conversation.role === 'admin'),
  };
  const show = useUi((ui) => ui.show);
  const messenger = useMessenger();
  const view = (row: Row, place: number) => (
    <MessageRowView
      key={row.key}
      {...shared}
      row={row}
      place={place}
      quoted={row.kind === 'message' && row.item.replyTo ? state.quoted.get(row.item.replyTo.messageId) : undefined}
      // Who has read a reply is not told: marks in threads are private.
      readBy={0}
      readOf={0}
      delivered={false}
      isTabStop
      flash={false}
      inThread
      onRetry={(clientId) => messenger.retry(clientId)}
      onDelete={(clientId) => show({ type: 'delete-unsent', clientId })}
      onFocus={ignore}
    />
  );
  return (
    <div ref={body} className="thread-body scrolls" role="feed" aria-label={t('thread.title')} aria-busy={state.loading}>
      {rootRow.map((row) => view(row, 1))}
      <p className="thread-count">
        {state.root?.replies ? t('thread.replies', { count: state.root.replies.count }) : !state.opening && t('thread.none')}
      </p>
      {state.hasOlder && (
        <div className="thread-older">
          <button type="button" className="button" data-kind="quiet" disabled={state.loading} onClick={() => void thread.loadOlder()}>
            {t('thread.older')}
          </button>
        </div>
      )}
      {rows.map((row, index) => view(row, index + 2))}
    </div>
  );
}

const ignore = () => undefined;

/** Shows the newest reply when it comes, unless the person reads above. */
function useEnd(body: React.RefObject<HTMLDivElement | null>, items: readonly MessageItem[]) {
  const atEnd = useRef(true);
  useEffect(() => {
    const box = body.current;
    if (!box) return;
    const onScroll = () => {
      atEnd.current = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_END;
    };
    box.addEventListener('scroll', onScroll, { passive: true });
    return () => box.removeEventListener('scroll', onScroll);
  }, [body]);
  const last = items[items.length - 1]?.key;
  // biome-ignore lint/correctness/useExhaustiveDependencies: `last` says when to look.
  useLayoutEffect(() => {
    const box = body.current;
    if (box && atEnd.current) box.scrollTop = box.scrollHeight;
  }, [body, last]);
}

/** What is before one's eyes is read. */
function useRead(thread: Thread, items: readonly MessageItem[]) {
  const last = items.findLast(({ seq }) => seq !== null)?.seq ?? null;
  useEffect(() => {
    if (last === null) return;
    const mark = () => {
      if (document.visibilityState === 'visible') thread.markRead(last);
    };
    mark();
    document.addEventListener('visibilitychange', mark);
    return () => document.removeEventListener('visibilitychange', mark);
  }, [thread, last]);
}
