import { Plus } from 'lucide-react';
import { type RefObject, useState } from 'react';
import { Dialog, Popover } from 'react-aria-components';
import { useText } from '@/app/i18n/i18n';
import EmojiPicker from '../composer/EmojiPicker';
import '../composer/composer.css';
import '@/app/ui/dialog.css';
import './reactions.css';

/** What most people want to say. */
const QUICK = ['👍', '❤️', '😂', '🎉', '😮', '😢'];

export interface ReactPopoverProps {
  trigger: RefObject<HTMLElement | null>;
  isMine: (emoji: string) => boolean;
  onPick: (emoji: string) => void;
  onClose: () => void;
}

/** Over its button: some emoji to react with, and the picker for all. Fetched when it is first opened. */
export default function ReactPopover({ trigger, isMine, onPick, onClose }: ReactPopoverProps) {
  const t = useText();
  const [all, setAll] = useState(false);
  return (
    <Popover
      className={all ? 'menu-popover emoji-popover' : 'menu-popover quick-popover'}
      containerPadding={4}
      triggerRef={trigger}
      isOpen
      placement="top end"
      offset={8}
      onOpenChange={(open) => {
        if (!open) onClose();
      }}
    >
      <Dialog className="menu" aria-label={t('action.react')}>
        {all ? (
          <EmojiPicker onPick={onPick} />
        ) : (
          <div className="quick-reactions">
            {QUICK.map((emoji) => (
              <button key={emoji} type="button" aria-pressed={isMine(emoji)} aria-label={emoji} onClick={() => onPick(emoji)}>
                {emoji}
              </button>
            ))}
            <button type="button" aria-label={t('reactions.others')} title={t('reactions.others')} onClick={() => setAll(true)}>
              <Plus size={20} strokeWidth={1.85} aria-hidden />
            </button>
          </div>
        )}
      </Dialog>
    </Popover>
  );
}
