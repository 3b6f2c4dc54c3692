import { ArrowLeft, BellOff, CalendarDays, PanelRight, Search } from 'lucide-react';
import { useLocation } from 'wouter';
import { useText } from '@/app/i18n/i18n';
import { Avatar } from '@/app/ui/Avatar';
import { useMessenger, useStore } from '@/realtime/hooks';
import { useUi } from '@/store/ui';
import type { ConversationRow } from '@/types';
import { useMembers } from '../groups/useMembers';
import { RowMenu } from '../list/RowMenu';
import { isMuted } from '../list/setApart';
import { presenceText } from '../presence';

export function ConversationHeader({ conversation }: { conversation: ConversationRow }) {
  const t = useText();
  const [, navigate] = useLocation();
  const { panelOpen, setPanel, show } = useUi();
  const isGroup = conversation.kind !== 'direct';
  const { count } = useMembers(isGroup ? conversation.id : null);
  const presence = useStore(useMessenger().presence).get(conversation.peer?.id ?? '');
  const there = presence ? presenceText(presence, t) : '';
  const handle = conversation.peer ? `@${conversation.peer.handle}` : '';
  const state = isGroup ? (count === null ? '' : t('group.members', { count })) : there || handle;
  return (
    <header className="conversation-header">
      <button type="button" className="icon-button only-narrow" aria-label={t('action.back')} onClick={() => navigate('/')}>
        <ArrowLeft className="mirrored" size={21} strokeWidth={1.85} aria-hidden />
      </button>
      {/* Inside a button it would be no heading. */}
      <h1 className="visually-hidden">
        <bdi>{conversation.title}</bdi>
      </h1>
      <button type="button" className="conversation-title" aria-expanded={panelOpen} onClick={() => setPanel(!panelOpen)}>
        <Avatar
          id={conversation.peer?.id ?? conversation.id}
          name={conversation.title}
          size={38}
          shape={isGroup ? 'group' : 'person'}
          presence={presence?.state}
        />
        <span className="conversation-names">
          <span className="conversation-line">
            <bdi className="conversation-name one-line">{conversation.title}</bdi>
            {isMuted(conversation, Date.now()) && (
              <BellOff className="row-sign" size={15} strokeWidth={1.85} role="img" aria-label={t('apart.muted')} />
            )}
          </span>
          <span className="conversation-state one-line" dir="auto">
            {state}
          </span>
        </span>
      </button>
      <button
        type="button"
        className="icon-button"
        aria-label={t('conversation.search')}
        title={t('conversation.search')}
        onClick={() => show({ type: 'search', text: '', conversationId: conversation.id })}
      >
        <Search size={21} strokeWidth={1.85} aria-hidden />
      </button>
      <button
        type="button"
        className="icon-button"
        aria-label={t('messages.jumpToDate')}
        title={t('messages.jumpToDate')}
        onClick={() => show({ type: 'jump-to-date', conversationId: conversation.id, atMs: Date.now() })}
      >
        <CalendarDays size={21} strokeWidth={1.85} aria-hidden />
      </button>
      <button
        type="button"
        className="icon-button"
        aria-pressed={panelOpen}
        aria-label={t('conversation.details')}
        title={t('conversation.details')}
        onClick={() => setPanel(!panelOpen)}
      >
        <PanelRight className="mirrored" size={21} strokeWidth={1.85} aria-hidden />
      </button>
      {!conversation.isRequest && <RowMenu row={conversation} className="icon-button" size={21} />}
    </header>
  );
}
