import { lazy, Suspense } from 'react';
import { useUi } from '@/store/ui';

const Switcher = lazy(() => import('../switcher/Switcher'));
const MessageSearch = lazy(() => import('../search/MessageSearch'));
const KeyboardMap = lazy(() => import('../keys/KeyboardMap'));
const NewConversation = lazy(() => import('./NewConversation'));
const NewGroup = lazy(() => import('./NewGroup'));
const Invite = lazy(() => import('./Invite'));
const Rename = lazy(() => import('./Rename'));
const Leave = lazy(() => import('./Leave'));
const JumpToDate = lazy(() => import('./JumpToDate'));
const Revisions = lazy(() => import('./Revisions'));
const DeleteMessage = lazy(() => import('./DeleteMessage'));
const Details = lazy(() => import('./Details'));
const Reactors = lazy(() => import('./Reactors'));
const DeleteUnsent = lazy(() => import('./DeleteUnsent'));
const SendLater = lazy(() => import('./SendLater'));
const ScheduledList = lazy(() => import('./ScheduledList'));

/** The one sheet that may lie over the page. */
export function Overlays() {
  const overlay = useUi((ui) => ui.overlay);
  const show = useUi((ui) => ui.show);
  if (!overlay) return null;
  const close = () => show(null);
  return (
    <Suspense fallback={null}>
      {overlay.type === 'switcher' && <Switcher onClose={close} />}
      {overlay.type === 'search' && <MessageSearch {...overlay} onClose={close} />}
      {overlay.type === 'keyboard' && <KeyboardMap onClose={close} />}
      {overlay.type === 'new-conversation' && <NewConversation onClose={close} />}
      {overlay.type === 'new-group' && <NewGroup onClose={close} />}
      {overlay.type === 'invite' && <Invite {...overlay} onClose={close} />}
      {overlay.type === 'rename' && <Rename {...overlay} onClose={close} />}
      {overlay.type === 'leave' && <Leave {...overlay} onClose={close} />}
      {overlay.type === 'jump-to-date' && <JumpToDate {...overlay} onClose={close} />}
      {overlay.type === 'revisions' && <Revisions {...overlay} onClose={close} />}
      {overlay.type === 'delete-message' && <DeleteMessage {...overlay} onClose={close} />}
      {overlay.type === 'details' && <Details {...overlay} onClose={close} />}
      {overlay.type === 'send-later' && <SendLater {...overlay} onClose={close} />}
      {overlay.type === 'scheduled' && <ScheduledList {...overlay} onClose={close} />}
      {overlay.type === 'reactors' && <Reactors {...overlay} onClose={close} />}
      {overlay.type === 'delete-unsent' && <DeleteUnsent {...overlay} onClose={close} />}
    </Suspense>
  );
}
