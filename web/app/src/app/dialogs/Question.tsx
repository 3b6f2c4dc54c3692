import type { ReactNode } from 'react';
import { useText } from '@/app/i18n/i18n';
import { Dialog, DialogActions } from '@/app/ui/Dialog';
import { useWork } from './useWork';

export interface QuestionProps {
  title: string;
  text: ReactNode;
  action: string;
  onAct: () => Promise<void>;
  onClose: () => void;
}

/** Asks before something is destroyed. The safe answer has the focus. */
export function Question({ title, text, action, onAct, onClose }: QuestionProps) {
  const t = useText();
  const { busy, error, run } = useWork();
  return (
    <Dialog title={title} kind="alert" onClose={onClose}>
      <div className="dialog-body">
        <p>{text}</p>
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
        <button type="button" className="button" data-kind="danger" disabled={busy} onClick={() => run(onAct)}>
          {action}
        </button>
      </DialogActions>
    </Dialog>
  );
}
