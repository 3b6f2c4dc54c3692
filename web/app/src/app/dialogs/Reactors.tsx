import { useEffect, useMemo, useState } from 'react';
import { useText } from '@/app/i18n/i18n';
import { Avatar } from '@/app/ui/Avatar';
import { Dialog } from '@/app/ui/Dialog';
import { errorText } from '@/chat/refusals';
import { useMessenger, usePeople } from '@/realtime/hooks';
import type { Reactors as Found } from '@/types';

/** Who reacts to a message, and how. Read when it is opened, and kept nowhere. */
export default function Reactors({
  conversationId,
  messageId,
  onClose,
}: {
  conversationId: string;
  messageId: string;
  onClose: () => void;
}) {
  const t = useText();
  const messenger = useMessenger();
  const [found, setFound] = useState<Found | null>(null);
  const [error, setError] = useState<string | null>(null);
  useEffect(() => {
    let open = true;
    messenger.reactors(conversationId, messageId).then(
      (reactors) => open && setFound(reactors),
      (thrown) => open && setError(errorText(thrown)),
    );
    return () => {
      open = false;
    };
  }, [messenger, conversationId, messageId]);
  const people = usePeople(useMemo(() => [...new Set(found?.reactions.map(({ personId }) => personId))], [found]));
  return (
    <Dialog title={t('reactors.title')} onClose={onClose}>
      {error && <p role="alert">{error}</p>}
      {found?.reactions.length === 0 && <p>{t('reactors.none')}</p>}
      <ul className="readers scrolls">
        {found?.reactions.map(({ personId, emoji }) => {
          const name = people.get(personId)?.name ?? t('person.unknown');
          return (
            <li key={`${personId} ${emoji}`}>
              <Avatar id={personId} name={name} size={32} />
              <bdi className="one-line">{name}</bdi>
              <span className="reactor-emoji">{emoji}</span>
            </li>
          );
        })}
        {found?.more && <li>{t('readers.more')}</li>}
      </ul>
    </Dialog>
  );
}
