import { useEffect, useState } from 'react';
import { fullTime } from '@/app/i18n/dates';
import { useText } from '@/app/i18n/i18n';
import { Dialog } from '@/app/ui/Dialog';
import { errorText } from '@/chat/refusals';
import { useMessenger } from '@/realtime/hooks';
import type { Revision } from '@/types';

/** What a message said before, the newest first. Read when it is opened, and kept nowhere. */
export default function Revisions({
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
  const [revisions, setRevisions] = useState<Revision[] | null>(null);
  const [error, setError] = useState<string | null>(null);
  useEffect(() => {
    let open = true;
    messenger.revisions(conversationId, messageId).then(
      (found) => open && setRevisions(found.toReversed()),
      (thrown) => open && setError(errorText(thrown)),
    );
    return () => {
      open = false;
    };
  }, [messenger, conversationId, messageId]);
  return (
    <Dialog title={t('revisions.title')} onClose={onClose}>
      {error && <p role="alert">{error}</p>}
      {revisions?.length === 0 && <p>{t('message.erased')}</p>}
      <ol className="revisions scrolls">
        {revisions?.map((revision) => (
          <li key={revision.seq}>
            <time dateTime={new Date(revision.atMs).toISOString()}>{fullTime(revision.atMs)}</time>
            <p dir="auto">{revision.body.type === 'text' ? revision.body.text : t('message.unknown')}</p>
          </li>
        ))}
      </ol>
    </Dialog>
  );
}
