import { RefreshCw, WifiOff } from 'lucide-react';
import { useEffect, useState } from 'react';
import { useText } from '@/app/i18n/i18n';
import { useMessenger, useStore } from '@/realtime/hooks';
import './strip.css';

/** Shorter troubles are not worth a word. */
const PATIENCE_MS = 5_000;

/** The state of the connection, under the header: only when it has been in trouble for a while. */
export function Strip() {
  const t = useText();
  const messenger = useMessenger();
  const connection = useStore(messenger.connection);
  const [patient, setPatient] = useState(true);
  const troubled = connection.state !== 'live';
  const { sinceMs } = connection;
  useEffect(() => {
    setPatient(true);
    if (!troubled) return;
    const timer = window.setTimeout(() => setPatient(false), Math.max(0, sinceMs + PATIENCE_MS - Date.now()));
    return () => window.clearTimeout(timer);
  }, [troubled, sinceMs]);
  const shown = troubled && !patient;
  const quiet = connection.state === 'catching_up';
  const key = {
    offline: 'strip.offline',
    connecting: 'strip.reconnecting',
    catching_up: 'strip.catchingUp',
    stopped: 'strip.stopped',
    live: null,
  } as const;
  const text = key[connection.state];
  return (
    <div className="strip" role="status" data-shown={shown || undefined} data-quiet={quiet || undefined}>
      {shown && text && (
        <>
          {quiet ? <RefreshCw size={16} strokeWidth={2.2} aria-hidden /> : <WifiOff size={16} strokeWidth={2.2} aria-hidden />}
          <span>{t(text)}</span>
          {connection.state === 'connecting' && (
            <button type="button" onClick={() => messenger.retryNow()}>
              {t('strip.tryNow')}
            </button>
          )}
        </>
      )}
    </div>
  );
}
