import { ArrowDown, ArrowUp } from 'lucide-react';
import { badgeCount, useText } from '@/app/i18n/i18n';

export interface JumpButtonsProps {
  atEnd: boolean;
  unread: number;
  dividerAbove: boolean;
  onEnd: () => void;
  onFirstUnread: () => void;
}

export function JumpButtons({ atEnd, unread, dividerAbove, onEnd, onFirstUnread }: JumpButtonsProps) {
  const t = useText();
  return (
    <div className="jump-buttons">
      {dividerAbove && (
        <button type="button" className="jump-button" onClick={onFirstUnread}>
          <ArrowUp size={16} strokeWidth={2.2} aria-hidden />
          {t('messages.firstUnread')}
        </button>
      )}
      {!atEnd && (
        <button
          type="button"
          className="jump-button"
          data-new={unread > 0 || undefined}
          aria-label={unread > 0 ? undefined : t('messages.toEnd')}
          onClick={onEnd}
        >
          <ArrowDown size={16} strokeWidth={2.2} aria-hidden />
          {unread > 0 && t('messages.newBelow', { count: unread, shown: badgeCount(unread) })}
        </button>
      )}
    </div>
  );
}
