import { RefreshCw, WifiOff } from 'lucide-react';
import { useEffect, useState, useSyncExternalStore } from 'react';
import { type TextKey, useText } from '@/app/i18n/i18n';
import { useMessenger, useStore } from '@/realtime/hooks';
import type { Connection } from '@/realtime/messenger';
import { stoppedFor } from './stopped';
import './strip.css';

/** Shorter troubles are not worth a word. */
const PATIENCE_MS = 5_000;

function watchNetwork(changed: () => void): () => void {
  window.addEventListener('online', changed);
  window.addEventListener('offline', changed);
  return () => {
    window.removeEventListener('online', changed);
    window.removeEventListener('offline', changed);
  };
}

function textKey({ state, reason }: Connection, online: boolean): TextKey | null {
  if (state === 'live') return null;
  if (state === 'stopped') return stoppedFor(reason).text;
  if (!online) return 'strip.offline';
  return state === 'catching_up' ? 'strip.catchingUp' : 'strip.reconnecting';
}

/** The state of the connection, under the header: only when it has been in trouble for a while. */
export function Strip() {
  const t = useText();
  const messenger = useMessenger();
  const connection = useStore(messenger.connection);
  const online = useSyncExternalStore(watchNetwork, () => navigator.onLine);
  const [patient, setPatient] = useState(true);
  const troubled = connection.state !== 'live';
  const { sinceMs } = connection;
  useEffect(() => {
    setPatient(true);
    if (!troubled) return;
    // The clock of the device may have been set back meanwhile.
    const timer = window.setTimeout(() => setPatient(false), Math.min(PATIENCE_MS, Math.max(0, sinceMs + PATIENCE_MS - Date.now())));
    return () => window.clearTimeout(timer);
  }, [troubled, sinceMs]);
  const stopped = connection.state === 'stopped';
  // What does not pass by itself is said at once. Without a reason it is one session after another.
  const shown = troubled && (!patient || (stopped && connection.reason !== null));
  const quiet = connection.state === 'catching_up';
  const text = textKey(connection, online);
  const action = stopped ? stoppedFor(connection.reason).action : text === 'strip.reconnecting' ? 'retry' : null;
  return (
    <div className="strip" role="status" data-shown={shown || undefined} data-quiet={quiet || undefined}>
      {shown && text && (
        <>
          {quiet ? <RefreshCw size={16} strokeWidth={2.2} aria-hidden /> : <WifiOff size={16} strokeWidth={2.2} aria-hidden />}
          <span>{t(text)}</span>
          {action !== null && (
            <button type="button" onClick={() => (action === 'reload' ? location.reload() : messenger.retryNow())}>
              {t(action === 'reload' ? 'update.reload' : 'strip.tryNow')}
            </button>
          )}
        </>
      )}
    </div>
  );
}
