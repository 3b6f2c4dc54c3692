import { useEffect, useState } from 'react';
import { useText } from '@/app/i18n/i18n';
import { Avatar } from '@/app/ui/Avatar';
import { Dialog } from '@/app/ui/Dialog';
import { errorText } from '@/chat/refusals';
import { useMessenger } from '@/realtime/hooks';
import type { Readers as Found } from '@/types';

/** Who has read a message. Read when it is opened, and kept nowhere. */
export default function Readers({
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
    messenger.readers(conversationId, messageId).then(
      (readers) => open && setFound(readers),
      (thrown) => open && setError(errorText(thrown)),
    );
    return () => {
      open = false;
    };
  }, [messenger, conversationId, messageId]);
  return (
    <Dialog title={t('readers.title')} onClose={onClose}>
      {error && <p role="alert">{error}</p>}
      {found?.people.length === 0 && <p>{t('readers.none')}</p>}
      <ul className="readers scrolls">
        {found?.people.map((person) => (
          <li key={person.id}>
            <Avatar id={person.id} name={person.name} size={32} />
            <bdi className="one-line">{person.name}</bdi>
          </li>
        ))}
        {found?.more && <li>{t('readers.more')}</li>}
      </ul>
    </Dialog>
  );
}
