import { lazy, Suspense, useEffect, useState } from 'react';
import { useText } from '@/app/i18n/i18n';
import { Mark } from '@/app/ui/Mark';
import { useConversation, useMessenger, useStore } from '@/realtime/hooks';
import type { Timeline } from '@/realtime/messenger';
import { useUi } from '@/store/ui';
import type { ConversationRow } from '@/types';
import { Composer } from '../composer/Composer';
import { MessageList } from '../messages/MessageList';
import { PinBar } from '../pins/PinBar';
import { ConversationHeader } from './ConversationHeader';
import { RequestBar } from './RequestBar';
import { ScheduledBar } from './ScheduledBar';
import { Strip } from './Strip';
import { TypingLine } from './TypingLine';
import './conversation.css';

const ThreadPanel = lazy(() => import('../threads/ThreadPanel'));
const SidePanel = lazy(() => import('../groups/SidePanel'));

/** A conversation by its id in the address. */
export function ConversationScreen({ id }: { id: string }) {
  const t = useText();
  const conversation = useConversation(id);
  const messenger = useMessenger();
  const connection = useStore(messenger.connection);
  if (conversation) return <Open key={id} conversation={conversation} />;
  // A link may be older than the list: say so only once the list is complete.
  const settled = connection.state === 'live' || connection.state === 'stopped';
  return (
    <main className="sheet sheet-center" id="main">
      {settled && (
        <div className="empty">
          <Mark size={64} />
          <h2>{t('conversation.gone')}</h2>
          <p>{t('conversation.goneHint')}</p>
        </div>
      )}
    </main>
  );
}

function Open({ conversation }: { conversation: ConversationRow }) {
  const messenger = useMessenger();
  const [timeline, setTimeline] = useState<Timeline | null>(null);
  const panelOpen = useUi((ui) => ui.panelOpen);
  const id = conversation.id;
  const thread = useUi((ui) => (ui.thread?.conversationId === id ? ui.thread : null));
  useEffect(() => {
    const opened = messenger.timeline(id);
    setTimeline(opened);
    return () => opened.close();
  }, [messenger, id]);
  useEffect(
    () => () => {
      // Another conversation is opened; its thread may be open already.
      if (useUi.getState().thread?.conversationId === id) useUi.getState().setThread(null);
    },
    [id],
  );
  return (
    <>
      <main className="sheet conversation" id="main" aria-label={conversation.title}>
        <ConversationHeader conversation={conversation} />
        <Strip />
        <PinBar conversationId={id} />
        {timeline ? <Messages conversation={conversation} timeline={timeline} /> : <div className="list-frame" />}
        <TypingLine conversation={conversation} />
        <div className="composer-place">
          {conversation.isRequest ? (
            <RequestBar conversation={conversation} />
          ) : (
            <>
              <ScheduledBar conversationId={id} />
              <Composer conversationId={id} name={conversation.title} timeline={timeline} />
            </>
          )}
        </div>
      </main>
      {thread && (
        <Suspense fallback={null}>
          <ThreadPanel key={thread.root.messageId} conversation={conversation} root={thread.root} />
        </Suspense>
      )}
      {panelOpen && !thread && (
        <Suspense fallback={null}>
          <SidePanel conversation={conversation} />
        </Suspense>
      )}
    </>
  );
}

function Messages({ conversation, timeline }: { conversation: ConversationRow; timeline: Timeline }) {
  const t = useText();
  const state = useStore(timeline);
  if (state.items.length === 0) {
    return (
      <div className="list-frame">
        {state.opening ? (
          <Skeletons />
        ) : (
          <p className="list-empty">{state.error ? t('messages.failed') : t('messages.none', { name: conversation.title })}</p>
        )}
      </div>
    );
  }
  return <MessageList conversation={conversation} timeline={timeline} state={state} />;
}

const WIDTHS = [240, 340, 180, 300, 220];

function Skeletons() {
  const t = useText();
  return (
    <div className="message-skeletons message-column" role="status" aria-label={t('messages.loading')}>
      {WIDTHS.map((width, index) => (
        <span key={width} className="skeleton" data-mine={index % 3 === 2 || undefined} style={{ width: `${width / 16}rem` }} />
      ))}
    </div>
  );
}
