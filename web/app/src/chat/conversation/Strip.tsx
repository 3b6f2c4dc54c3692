import { RefreshCw, WifiOff } from 'lucide-react';
import { useEffect, useState, useSyncExternalStore } from 'react';
import { type TextKey, useText } from '@/app/i18n/i18n';
import { useMessenger, useStore } from '@/realtime/hooks';
import type { Connection } from '@/realtime/messenger';
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

function textKey(state: Connection['state'], online: boolean): TextKey | null {
  if (state === 'live') return null;
  if (state === 'stopped') return 'strip.stopped';
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
  const shown = troubled && !patient;
  const quiet = connection.state === 'catching_up';
  const text = textKey(connection.state, online);
  return (
    <div className="strip" role="status" data-shown={shown || undefined} data-quiet={quiet || undefined}>
      {shown && text && (
        <>
          {quiet ? <RefreshCw size={16} strokeWidth={2.2} aria-hidden /> : <WifiOff size={16} strokeWidth={2.2} aria-hidden />}
          <span>{t(text)}</span>
          {text === 'strip.reconnecting' && (
            <button type="button" onClick={() => messenger.retryNow()}>
              {t('strip.tryNow')}
            </button>
          )}
        </>
      )}
    </div>
  );
}
