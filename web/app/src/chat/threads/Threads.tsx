import { useEffect, useMemo } from 'react';
import { useLocation } from 'wouter';
import { listTime } from '@/app/i18n/dates';
import { useText } from '@/app/i18n/i18n';
import { Avatar } from '@/app/ui/Avatar';
import { Mark } from '@/app/ui/Mark';
import { useMessenger, usePeople, useSession, useStore } from '@/realtime/hooks';
import { useUi } from '@/store/ui';
import type { FollowedThread } from '@/types';
import { quotedText } from '../messages/Quote';
import './threads.css';

/** The threads that one follows, the one with the newest reply first. */
export default function Threads() {
  const t = useText();
  const state = useStore(useMessenger().threads);
  const threads = state?.threads ?? [];
  useEffect(() => {
    document.title = `${t('threads.title')} · RelayHub`;
  }, [t]);
  return (
    <main className="sheet threads-page" id="main" aria-label={t('threads.title')}>
      <header className="panel-head">
        <h1>{t('threads.title')}</h1>
      </header>
      {threads.length === 0 ? (
        state !== null && (
          <div className="empty">
            <Mark size={64} />
            <h2>{t('threads.none')}</h2>
            <p>{t('threads.hint')}</p>
          </div>
        )
      ) : (
        // biome-ignore lint/a11y/noRedundantRoles: Safari drops the role of a list without marks
        <ul role="list" className="threads-list scrolls">
          {threads.map((thread) => (
            <Row key={`${thread.conversationId}/${thread.root.key}`} thread={thread} />
          ))}
        </ul>
      )}
    </main>
  );
}

function Row({ thread }: { thread: FollowedThread }) {
  const t = useText();
  const messenger = useMessenger();
  const { me } = useSession();
  const [, navigate] = useLocation();
  const setThread = useUi((ui) => ui.setThread);
  const conversations = useStore(messenger.conversations);
  const { conversationId, root, unread } = thread;
  const people = usePeople(useMemo(() => [root.senderId], [root.senderId]));
  const name = root.senderId === me.id ? me.name : (people.get(root.senderId)?.name ?? t('person.unknown'));
  const title = conversations.find((row) => row.id === conversationId)?.title;
  const { messageId, seq, replies } = root;
  if (messageId === null || seq === null || replies === null) return null;
  const time = listTime(replies.lastAtMs);
  return (
    <li>
      <button
        type="button"
        className="thread-row"
        data-unread={unread > 0 || undefined}
        onClick={() => {
          setThread({ conversationId, root: { messageId, seq } });
          navigate(`/c/${conversationId}`);
        }}
      >
        <Avatar id={root.senderId} name={name} size={40} />
        <span className="thread-row-text">
          <span className="thread-row-head">
            <bdi className="thread-row-name">{name}</bdi>
            {title !== undefined && <bdi className="thread-row-where">{title}</bdi>}
          </span>
          <span className="thread-row-said" dir="auto">
            {quotedText(root, t)}
          </span>
          <span className="thread-row-replies numbers">
            {t('thread.replies', { count: replies.count })} · {t('thread.last', { time })}
          </span>
        </span>
        {unread > 0 && (
          <span className="badge numbers">
            <span aria-hidden>{unread}</span>
            <span className="visually-hidden">{t('thread.unread', { count: unread })}</span>
          </span>
        )}
      </button>
    </li>
  );
}
