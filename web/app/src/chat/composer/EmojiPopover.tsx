import type { RefObject } from 'react';
import { Dialog, Popover } from 'react-aria-components';
import { useText } from '@/app/i18n/i18n';
import EmojiPicker from './EmojiPicker';
import '@/app/ui/dialog.css';

export interface EmojiPopoverProps {
  trigger: RefObject<HTMLElement | null>;
  onPick: (emoji: string) => void;
  onClose: () => void;
}

/** The picker over its button. Fetched when it is first opened. */
export default function EmojiPopover({ trigger, onPick, onClose }: EmojiPopoverProps) {
  const t = useText();
  return (
    <Popover
      className="menu-popover emoji-popover"
      triggerRef={trigger}
      isOpen
      placement="top end"
      offset={10}
      onOpenChange={(open) => {
        if (!open) onClose();
      }}
    >
      <Dialog className="menu" aria-label={t('composer.emoji')}>
        <EmojiPicker onPick={onPick} />
      </Dialog>
    </Popover>
  );
}
