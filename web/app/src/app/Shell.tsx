import { Suspense } from 'react';
import { useText } from '@/app/i18n/i18n';
import { ConversationScreen } from '@/chat/conversation/ConversationScreen';
import { ConversationList } from '@/chat/list/ConversationList';
import { Announcer } from './Announcer';
import { Overlays } from './dialogs/Overlays';
import { useShortcuts } from './keys/useShortcuts';
import { ListResizer } from './ListResizer';
import { People, Settings, Threads } from './lazyPages';
import { Rail } from './Rail';
import { useRoute } from './routes';
import { usePageBadge } from './usePageBadge';
import { usePresence } from './usePresence';
import { Welcome } from './Welcome';
import './shell.css';

/** Everything that one sees when logged in. */
export function Shell() {
  const t = useText();
  const route = useRoute();
  const open = route.page === 'chat' ? route.conversation : null;
  useShortcuts(open);
  usePageBadge(open);
  usePresence(open);
  const covered = open !== null || (route.page === 'settings' && route.section !== undefined);
  return (
    <div className="shell" data-covered={covered || undefined}>
      <a className="skip-link" href="#main">
        {t('skip.main')}
      </a>
      <Rail page={route.page} />
      {route.page === 'chat' && (
        <>
          <ConversationList selected={open} />
          <ListResizer />
          {open ? <ConversationScreen id={open} /> : <Welcome />}
        </>
      )}
      <Suspense fallback={<div className="sheet" />}>
        {route.page === 'threads' && <Threads />}
        {route.page === 'people' && <People key={route.handle} handle={route.handle} />}
        {route.page === 'settings' && <Settings page={route.section} />}
      </Suspense>
      <Overlays />
      <Announcer open={open} />
    </div>
  );
}
