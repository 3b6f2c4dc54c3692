import { CalendarClock } from 'lucide-react';
import { useText } from '@/app/i18n/i18n';
import { useMessenger, useStore } from '@/realtime/hooks';
import { useUi } from '@/store/ui';

/** Above the composer: what is to be sent later here, and what was not. */
export function ScheduledBar({ conversationId }: { conversationId: string }) {
  const t = useText();
  const scheduled = useStore(useMessenger().scheduled)?.filter((message) => message.conversationId === conversationId) ?? [];
  const show = useUi((ui) => ui.show);
  if (scheduled.length === 0) return null;
  const asking = scheduled.filter((message) => message.state !== 'waiting' && message.state !== 'sending').length;
  return (
    <button
      type="button"
      className="scheduled-bar"
      data-asks={asking > 0 || undefined}
      aria-haspopup="dialog"
      onClick={() => show({ type: 'scheduled', conversationId })}
    >
      <CalendarClock size={16} strokeWidth={2.2} aria-hidden />
      <span>{asking > 0 ? t('later.asks', { count: asking }) : t('later.waiting', { count: scheduled.length })}</span>
    </button>
  );
}
