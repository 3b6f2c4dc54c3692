import { useText } from '@/app/i18n/i18n';
import { firstName } from '@/app/ui/identity';
import { useMessenger, usePeople, useStore } from '@/realtime/hooks';
import type { ConversationRow } from '@/types';

const NONE: readonly string[] = [];

/** Who is typing. Its place is always there, so that nothing moves. */
export function TypingLine({ conversation }: { conversation: ConversationRow }) {
  const t = useText();
  const typing = useStore(useMessenger().typing).get(conversation.id) ?? NONE;
  const people = usePeople(typing);
  const names = typing.map((id) => `\u2068${firstName(people.get(id)?.name ?? t('person.unknown'))}\u2069`);
  const text =
    names.length === 0
      ? ''
      : conversation.kind === 'direct'
        ? t('typing.direct')
        : names.length > 3
          ? t('typing.several')
          : t('typing.names', {
              names: new Intl.ListFormat(document.documentElement.lang, { type: 'conjunction' }).format(names),
              count: names.length,
            });
  return (
    <div className="typing-line">
      <p className="message-column" aria-live="off">
        {text && (
          <>
            <span className="typing-dots" aria-hidden="true">
              <i />
              <i />
              <i />
            </span>
            {text}
          </>
        )}
      </p>
    </div>
  );
}
