import { useEffect } from 'react';
import { Redirect, Route, Switch, useLocation } from 'wouter';
import { LogIn } from '@/auth/LogIn';
import { SignUp } from '@/auth/SignUp';
import { useMessenger, useStore } from '@/realtime/hooks';
import { useUi } from '@/store/ui';
import { Shell } from './Shell';
import { UpdatePrompt } from './UpdatePrompt';
import { Toasts } from './ui/Toasts';

export function App() {
  const session = useStore(useMessenger().session);
  const loggedIn = session.status === 'in';
  // What was open belongs to the person who had it open.
  useEffect(() => {
    if (!loggedIn) useUi.setState({ overlay: null, panelOpen: false });
  }, [loggedIn]);
  return (
    <>
      {loggedIn ? <Inside /> : <Outside reason={session.reason} />}
      <Toasts />
      <UpdatePrompt />
    </>
  );
}

function Inside() {
  const [path] = useLocation();
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
