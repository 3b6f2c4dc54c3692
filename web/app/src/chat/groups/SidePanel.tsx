import { LogOut, Pencil, UserPlus, X } from 'lucide-react';
import { useEffect, useRef } from 'react';
import { useText } from '@/app/i18n/i18n';
import { Avatar } from '@/app/ui/Avatar';
import { useUi } from '@/store/ui';
import type { ConversationRow } from '@/types';
import { PinList } from '../pins/PinList';
import { MemberRow } from './MemberRow';
import { useMembers } from './useMembers';
import './groups.css';

/** About a conversation: who is in it and what one may do. */
export default function SidePanel({ conversation }: { conversation: ConversationRow }) {
  const t = useText();
  const { setPanel, show } = useUi();
  const isGroup = conversation.kind !== 'direct';
  const { members, count, complete } = useMembers(isGroup ? conversation.id : null);
  const close = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    const before = document.activeElement as HTMLElement | null;
    close.current?.focus({ preventScroll: true });
    return () => {
      if (before?.isConnected) before.focus({ preventScroll: true });
    };
  }, []);
  const manages = conversation.role === 'owner' || conversation.role === 'admin';
  const { id, title } = conversation;
  return (
    <aside
      className="sheet side-panel"
      aria-label={t('conversation.details')}
      onKeyDown={(event) => {
        if (event.key !== 'Escape') return;
        event.stopPropagation();
        setPanel(false);
      }}
    >
      <header className="panel-head">
        <h2>{t('conversation.details')}</h2>
        <button ref={close} type="button" className="icon-button" aria-label={t('action.close')} onClick={() => setPanel(false)}>
          <X size={20} strokeWidth={1.85} aria-hidden />
        </button>
      </header>
      <div className="panel-body scrolls">
        <div className="panel-identity">
          <Avatar id={conversation.peer?.id ?? id} name={title} size={88} shape={isGroup ? 'group' : 'person'} />
          <h3>
            <bdi>{title}</bdi>
          </h3>
          <p>{isGroup ? count !== null && t('group.members', { count }) : <bdi>@{conversation.peer?.handle}</bdi>}</p>
        </div>
        {isGroup && (
          <div className="panel-actions">
            {manages && (
              <>
                <button type="button" className="panel-action" onClick={() => show({ type: 'invite', conversationId: id })}>
                  <UserPlus size={19} strokeWidth={1.85} aria-hidden />
                  {t('group.add')}
                </button>
                <button type="button" className="panel-action" onClick={() => show({ type: 'rename', conversationId: id, title })}>
                  <Pencil size={19} strokeWidth={1.85} aria-hidden />
                  {t('group.rename')}
                </button>
              </>
            )}
            <button
              type="button"
              className="panel-action"
              data-tone="danger"
              onClick={() => show({ type: 'leave', conversationId: id, title })}
            >
              <LogOut className="mirrored" size={19} strokeWidth={1.85} aria-hidden />
              {t('group.leave')}
            </button>
          </div>
        )}
        <PinList conversation={conversation} />
        {isGroup && members.length > 0 && (
          <section className="panel-section" aria-label={t('group.membersTitle')}>
            <h3>
              {t('group.membersTitle')}
              <span className="numbers">{count}</span>
            </h3>
            {/* biome-ignore lint/a11y/noRedundantRoles: Safari drops the role of a list without marks */}
            <ul role="list">
              {members.map((member) => (
                <MemberRow key={member.id} conversation={conversation} member={member} />
              ))}
            </ul>
            {!complete && <p className="panel-more">{t('group.firstMembers', { count: members.length })}</p>}
          </section>
        )}
      </div>
    </aside>
  );
}
