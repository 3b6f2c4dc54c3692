import { Pencil, Reply, X } from 'lucide-react';
import { useMemo } from 'react';
import { useText } from '@/app/i18n/i18n';
import { usePeople, useSession, useStore } from '@/realtime/hooks';
import type { Store } from '@/realtime/messenger';
import type { Compose } from '@/store/ui';
import type { MessageItem, TimelineItem } from '@/types';
import { quotedText } from '../messages/Quote';

export interface ComposeBarProps {
  about: Compose;
  /** Where it is looked for. */
  timeline: Store<{ items: readonly TimelineItem[]; quoted: ReadonlyMap<string, MessageItem | null> }>;
  onClose: () => void;
}

/** Above the composer: which message is answered or edited, as it is now. */
export function ComposeBar({ about, timeline, onClose }: ComposeBarProps) {
  const t = useText();
  const { me } = useSession();
  const { items, quoted } = useStore(timeline);
  const { messageId } = about.message;
  const shown = items.find((item) => item.kind === 'message' && item.messageId === messageId);
  const message = shown?.kind === 'message' ? shown : (quoted.get(messageId) ?? null);
  const people = usePeople(useMemo(() => (message ? [message.senderId] : []), [message]));
  const name = message?.senderId === me.id ? me.name : (message && people.get(message.senderId)?.name) || t('person.unknown');
  const Icon = about.kind === 'reply' ? Reply : Pencil;
  return (
    <div className="compose-bar" data-kind={about.kind}>
      <Icon className={about.kind === 'reply' ? 'mirrored' : undefined} size={18} strokeWidth={1.85} aria-hidden />
      <div>
        <strong>{about.kind === 'reply' ? t('composer.replyTo', { name: `\u2068${name}\u2069` }) : t('composer.editing')}</strong>
        <span dir="auto">{quotedText(message, t)}</span>
      </div>
      <button type="button" className="icon-button" aria-label={t('action.cancel')} title={t('action.cancel')} onClick={onClose}>
        <X size={18} strokeWidth={1.85} aria-hidden />
      </button>
    </div>
  );
}
