import { useText } from '@/app/i18n/i18n';
import { Dialog, DialogActions } from '@/app/ui/Dialog';
import { useMessenger } from '@/realtime/hooks';
import type { MessageRef } from '@/types';
import { useWork } from './useWork';

export interface DeleteMessageProps {
  conversationId: string;
  message: MessageRef;
  mine: boolean;
  /** Whether it may be deleted for everyone, as far as is known here. */
  forEveryone: boolean;
  onClose: () => void;
}

/** Asks for whom a message is to be gone. The safe answer has the focus. */
export default function DeleteMessage({ conversationId, message, mine, forEveryone, onClose }: DeleteMessageProps) {
  const t = useText();
  const messenger = useMessenger();
  const { busy, error, run } = useWork();
  return (
    <Dialog title={t('delete.title')} kind="alert" onClose={onClose}>
      <div className="dialog-body">
        <p>{t(!forEveryone ? 'delete.textMe' : mine ? 'delete.textMine' : 'delete.textOther')}</p>
        {error && (
          <p className="notice" role="alert">
            {error}
          </p>
        )}
      </div>
      <DialogActions>
        {/* biome-ignore lint/a11y/noAutofocus: the safe answer of a question */}
        <button type="button" className="button" data-kind="plain" autoFocus onClick={onClose}>
          {t('action.cancel')}
        </button>
        <button
          type="button"
          className="button"
          data-kind={forEveryone ? 'plain' : 'danger'}
          disabled={busy}
          onClick={() =>
            run(async () => {
              await messenger.hideMessage(conversationId, message.messageId);
              onClose();
            })
          }
        >
          {t('delete.forMe')}
        </button>
        {forEveryone && (
          <button
            type="button"
            className="button"
            data-kind="danger"
            disabled={busy}
            onClick={() =>
              run(async () => {
                messenger.deleteMessage(conversationId, message);
                onClose();
              })
            }
          >
            {t('delete.forEveryone')}
          </button>
        )}
      </DialogActions>
    </Dialog>
  );
}
