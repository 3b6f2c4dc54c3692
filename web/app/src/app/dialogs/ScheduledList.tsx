import { fullTime } from '@/app/i18n/dates';
import { useText } from '@/app/i18n/i18n';
import { Dialog } from '@/app/ui/Dialog';
import { refusalText } from '@/chat/refusals';
import { useMessenger, useStore } from '@/realtime/hooks';
import { useUi } from '@/store/ui';
import type { Scheduled } from '@/types';
import { useWork } from './useWork';

/** What is to be sent later in a conversation, the earliest first. */
export default function ScheduledList({ conversationId, onClose }: { conversationId: string; onClose: () => void }) {
  const t = useText();
  const messenger = useMessenger();
  const show = useUi((ui) => ui.show);
  const { busy, error, run } = useWork();
  const scheduled = useStore(messenger.scheduled)?.filter((message) => message.conversationId === conversationId) ?? [];
  return (
    <Dialog title={t('later.list')} onClose={onClose}>
      {error && <p role="alert">{error}</p>}
      {scheduled.length === 0 && <p className="dialog-body">{t('later.none')}</p>}
      <ol className="revisions scheduled scrolls">
        {scheduled.map((message) => {
          const text = message.body.type === 'text' ? message.body.text : null;
          const { key, replyTo, atMs } = message;
          return (
            <li key={key}>
              <Standing message={message} />
              <p dir="auto">{text ?? t('message.unknown')}</p>
              {message.state !== 'sending' && (
                <div className="scheduled-choices">
                  {text !== null && (
                    <>
                      <button
                        type="button"
                        className="button"
                        data-kind="plain"
                        disabled={busy}
                        onClick={() => run(() => messenger.schedule(conversationId, key, text, 0, replyTo))}
                      >
                        {t('later.now')}
                      </button>
                      <button
                        type="button"
                        className="button"
                        data-kind="plain"
                        disabled={busy}
                        onClick={() => show({ type: 'send-later', of: { conversationId, text, replyTo, key, atMs } })}
                      >
                        {t('later.change')}
                      </button>
                    </>
                  )}
                  <button
                    type="button"
                    className="button"
                    data-kind="plain"
                    disabled={busy}
                    onClick={() => run(() => messenger.cancelScheduled(conversationId, key))}
                  >
                    {t('later.cancel')}
                  </button>
                </div>
              )}
            </li>
          );
        })}
      </ol>
    </Dialog>
  );
}

function Standing({ message }: { message: Scheduled }) {
  const t = useText();
  if (message.state === 'sending') return <span className="scheduled-state">{t('later.sending')}</span>;
  if (message.state === 'refused')
    return <span className="scheduled-state">{t('later.refused', { why: refusalText(message.refusal) })}</span>;
  if (message.state === 'overdue') return <span className="scheduled-state">{t('later.overdue')}</span>;
  return <time dateTime={new Date(message.atMs).toISOString()}>{fullTime(message.atMs)}</time>;
}
