import { useEffect } from 'react';
import { Redirect, Route, Switch, useLocation } from 'wouter';
import { LogIn } from '@/auth/LogIn';
import { SignUp } from '@/auth/SignUp';
import { forgetParsed } from '@/chat/messages/markdown';
import { useIsOutdated, useMessenger, useStore } from '@/realtime/hooks';
import { useUi } from '@/store/ui';
import { Outdated } from './Outdated';
import { Shell } from './Shell';
import { UpdatePrompt } from './UpdatePrompt';
import { Toasts } from './ui/Toasts';

export function App() {
  const session = useStore(useMessenger().session);
  const of = session.status === 'in' ? session.session.sessionId : null;
  // What was open belongs to the person who had it open; another tab may put somebody else in their place.
  useEffect(() => {
    if (of === null) return;
    return () => {
      useUi.setState({ overlay: null, panelOpen: false, thread: null, toasts: [], announcement: '' });
      forgetParsed();
    };
  }, [of]);
  return (
    <>
      {session.status === 'in' ? <Inside key={of} /> : <Outside reason={session.reason} />}
      <Toasts />
      <UpdatePrompt />
    </>
  );
}

function Inside() {
  const [path] = useLocation();
  const outdated = useIsOutdated();
  if (outdated) return <Outdated />;
  return path === '/login' || path === '/signup' ? <Redirect to="/" replace /> : <Shell />;
}

function Outside({ reason }: { reason: string | null }) {
  return (
    <Switch>
      <Route path="/login">
        <LogIn />
      </Route>
      <Route path="/signup">
        <SignUp />
      </Route>
      <Route>
        <Redirect to={reason ? '/login' : '/signup'} replace />
      </Route>
    </Switch>
  );
}
