import { X } from 'lucide-react';
import type { ReactNode } from 'react';
import { Dialog as AriaDialog, Heading, Modal, ModalOverlay } from 'react-aria-components';
import { useText } from '@/app/i18n/i18n';
import './dialog.css';

export interface DialogProps {
  title: string;
  onClose: () => void;
  children: ReactNode;
  /** `alert` for questions that destroy something. */
  kind?: 'dialog' | 'alert';
  width?: 'small' | 'wide';
}

/** A sheet over everything. Focus stays in it and goes back to where it was. */
export function Dialog({ title, onClose, children, kind = 'dialog', width = 'small' }: DialogProps) {
  const t = useText();
  return (
    <ModalOverlay className="dialog-scrim" isOpen isDismissable={kind === 'dialog'} onOpenChange={(open) => !open && onClose()}>
      <Modal className="dialog-frame" data-width={width}>
        <AriaDialog className="dialog" role={kind === 'alert' ? 'alertdialog' : 'dialog'}>
          <header className="dialog-head">
            <Heading slot="title" className="dialog-title">
              {title}
            </Heading>
            <button type="button" className="icon-button" aria-label={t('action.close')} onClick={onClose}>
              <X size={20} strokeWidth={1.85} aria-hidden />
            </button>
          </header>
          {children}
        </AriaDialog>
      </Modal>
    </ModalOverlay>
  );
}

export function DialogActions({ children }: { children: ReactNode }) {
  return <footer className="dialog-actions">{children}</footer>;
}
