import { Settings as Gear, MessageCircle, MessagesSquare, UsersRound } from 'lucide-react';
import { Link } from 'wouter';
import { badgeCount, useText } from '@/app/i18n/i18n';
import { callsFor } from '@/chat/list/setApart';
import { useListNow } from '@/chat/list/useListNow';
import { useMessenger, useSession, useStore } from '@/realtime/hooks';
import type { Route } from './routes';
import { Avatar } from './ui/Avatar';
import { Mark } from './ui/Mark';

/** The way between the pages: at the side, or at the foot of a narrow screen. */
export function Rail({ page }: { page: Route['page'] }) {
  const t = useText();
  const messenger = useMessenger();
  const { me } = useSession();
  const conversations = useStore(messenger.conversations);
  const requests = useStore(messenger.requests);
  const invitations = useStore(messenger.invitations);
  const nowMs = useListNow(conversations);
  const unread = conversations.filter((row) => callsFor(row, nowMs)).length + requests.length + invitations.length;
  const newThreads = useStore(messenger.threads)?.threads.filter((thread) => thread.unread > 0).length ?? 0;
  const items = [
    { to: '/', name: 'chat' as const, label: t('rail.chats'), Icon: MessageCircle, badge: unread, news: 'rail.unread' as const },
    {
      to: '/threads',
      name: 'threads' as const,
      label: t('rail.threads'),
      Icon: MessagesSquare,
      badge: newThreads,
      news: 'rail.unreadThreads' as const,
    },
    { to: '/people', name: 'people' as const, label: t('rail.people'), Icon: UsersRound, badge: 0, news: 'rail.unread' as const },
  ];
  return (
    <nav className="rail" aria-label={t('rail.label')}>
      <Mark size={34} />
      {items.map(({ to, name, label, Icon, badge, news }) => (
        <Link key={to} href={to} className="rail-item" aria-current={page === name ? 'page' : undefined} title={label}>
          <span className="rail-icon">
            <Icon size={22} strokeWidth={1.85} aria-hidden />
            {badge > 0 && (
              <span className="rail-badge">
                <span aria-hidden="true" dir="ltr">
                  {badgeCount(badge)}
                </span>
                <span className="visually-hidden">{t(news, { count: badge })}</span>
              </span>
            )}
          </span>
          <span className="rail-label">{label}</span>
        </Link>
      ))}
      <span className="rail-space" />
      <Link href="/settings" className="rail-item" aria-current={page === 'settings' ? 'page' : undefined} title={t('settings.title')}>
        <span className="rail-icon">
          <Gear size={22} strokeWidth={1.85} aria-hidden />
        </span>
        <span className="rail-label">{t('settings.title')}</span>
      </Link>
      <Link href="/settings/account" className="rail-me" title={me.name}>
        <span className="visually-hidden">{t('rail.account', { name: me.name })}</span>
        <Avatar id={me.id} name={me.name} size={36} />
      </Link>
    </nav>
  );
}
