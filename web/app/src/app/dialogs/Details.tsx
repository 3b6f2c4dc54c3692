import { useEffect, useState } from 'react';
import { fullTime, listTime } from '@/app/i18n/dates';
import { useText } from '@/app/i18n/i18n';
import { Avatar } from '@/app/ui/Avatar';
import { Dialog } from '@/app/ui/Dialog';
import { errorText } from '@/chat/refusals';
import { useMessenger } from '@/realtime/hooks';
import type { MessageDetails, Person, Readers, ReceiptStep } from '@/types';

interface Found {
  details: MessageDetails;
  /** Where the details are counts alone. */
  readers: Readers | null;
}

/** Who has a message, who has read it, and when. Read when it is opened, and kept nowhere. */
export default function Details({
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
    const ask = async (): Promise<Found> => {
      const details = await messenger.details(conversationId, messageId);
      const readers = details.named || details.readCount === 0 ? null : await messenger.readers(conversationId, messageId);
      return { details, readers };
    };
    ask().then(
      (answer) => open && setFound(answer),
      (thrown) => open && setError(errorText(thrown)),
    );
    return () => {
      open = false;
    };
  }, [messenger, conversationId, messageId]);
  const people = found?.details.people ?? [];
  const read = people.filter((one) => one.read);
  const delivered = people.filter((one) => !one.read && one.delivered);
  const missing = people.filter((one) => !one.read && !one.delivered);
  return (
    <Dialog title={t('details.title')} onClose={onClose}>
      {error && <p role="alert">{error}</p>}
      {found?.details.named && people.length === 0 && <p>{t('details.nobody')}</p>}
      <div className="details scrolls">
        {read.length > 0 && (
          <Section title={t('details.read', { count: read.length })} rows={read.map((one) => ({ person: one.person, step: one.read }))} />
        )}
        {delivered.length > 0 && (
          <Section
            title={t('details.delivered', { count: delivered.length })}
            rows={delivered.map((one) => ({ person: one.person, step: one.delivered }))}
          />
        )}
        {missing.length > 0 && <Section title={t('details.missing')} rows={missing.map((one) => ({ person: one.person, step: null }))} />}
        {found && !found.details.named && (
          <p>{t('details.counts', { read: found.details.readCount, delivered: found.details.deliveredCount })}</p>
        )}
        {found?.readers && (
          <Section
            title={t('details.read', { count: found.details.readCount })}
            rows={found.readers.people.map((person) => ({ person, step: null }))}
            more={found.readers.more}
          />
        )}
      </div>
    </Dialog>
  );
}

interface SectionProps {
  title: string;
  rows: { person: Person; step: ReceiptStep | null }[];
  more?: boolean;
}

function Section({ title, rows, more = false }: SectionProps) {
  const t = useText();
  return (
    <section>
      <h3>{title}</h3>
      <ul className="readers">
        {rows.map(({ person, step }) => (
          <li key={person.id}>
            <Avatar id={person.id} name={person.name} size={32} />
            <bdi className="one-line">{person.name}</bdi>
            {step && step.atMs !== null && (
              <time dateTime={new Date(step.atMs).toISOString()} title={fullTime(step.atMs)}>
                {t('details.at', { before: step.before ? 'yes' : 'no', time: listTime(step.atMs), device: step.device ?? 'none' })}
              </time>
            )}
          </li>
        ))}
        {more && <li>{t('readers.more')}</li>}
      </ul>
    </section>
  );
}
