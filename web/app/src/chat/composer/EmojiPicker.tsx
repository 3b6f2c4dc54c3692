import { type EmojiPickerListComponents, EmojiPicker as Picker } from 'frimousse';
import { currentLanguage, useText } from '@/app/i18n/i18n';
import { textScale } from '@/app/ui/textScale';

/** Languages whose names of emoji are served beside the app; others search in English. */
const NAMED = new Set(['en', 'de']);

/** As many emoji as stand side by side in a window of this width. */
function columnsOf(width: number): number {
  return Math.max(4, Math.min(8, Math.floor((width - 48) / 40)));
}

const PARTS: Partial<EmojiPickerListComponents> = {
  CategoryHeader: ({ category, ...props }) => (
    <div className="emoji-category" {...props}>
      {category.label}
    </div>
  ),
  Emoji: ({ emoji, ...props }) => (
    <button type="button" className="emoji" data-active={emoji.isActive || undefined} {...props}>
      {emoji.emoji}
    </button>
  ),
};

export default function EmojiPicker({ onPick }: { onPick: (emoji: string) => void }) {
  const t = useText();
  const language = currentLanguage();
  return (
    <Picker.Root
      className="emoji-picker"
      locale={NAMED.has(language) ? language : 'en'}
      emojibaseUrl="/emoji"
      columns={columnsOf(window.innerWidth / textScale())}
      onEmojiSelect={({ emoji }) => onPick(emoji)}
    >
      <Picker.Search className="emoji-search" aria-label={t('composer.emojiSearch')} placeholder={t('composer.emojiSearch')} autoFocus />
      <Picker.Viewport className="emoji-viewport scrolls">
        <Picker.Loading className="emoji-note">{t('composer.emojiLoading')}</Picker.Loading>
        <Picker.Empty className="emoji-note">{t('composer.emojiNone')}</Picker.Empty>
        <Picker.List className="emoji-list" components={PARTS} />
      </Picker.Viewport>
    </Picker.Root>
  );
}
