import { PinOff } from 'lucide-react';
import { useMemo } from 'react';
import { clockTime, fullTime } from '@/app/i18n/dates';
import { useText } from '@/app/i18n/i18n';
import { usePeople, useSession } from '@/realtime/hooks';
import type { ConversationRow } from '@/types';
import { requestJump } from '../jumps';
import { quotedText } from '../messages/Quote';
import { mayPin, usePin, usePins } from './usePins';
import './pins.css';

/** Everything that is pinned in a conversation. */
export function PinList({ conversation }: { conversation: ConversationRow }) {
  const t = useText();
  const { me } = useSession();
  const pins = usePins(conversation.id);
  const pin = usePin(conversation.id);
  const people = usePeople(useMemo(() => [...new Set(pins.map(({ message }) => message.senderId))], [pins]));
  if (pins.length === 0) return null;
  const nameOf = (id: string) => (id === me.id ? me.name : (people.get(id)?.name ?? conversation.peer?.name ?? t('person.unknown')));
  const may = mayPin(conversation);
  return (
    <section className="panel-section" aria-label={t('pins.title')}>
      <h3>
        {t('pins.title')}
        <span className="numbers">{pins.length}</span>
      </h3>
      {/* biome-ignore lint/a11y/noRedundantRoles: Safari drops the role of a list without marks */}
      <ul role="list">
        {pins.map(({ message, atMs }) => {
          const { messageId, seq, senderId } = message;
          if (messageId === null || seq === null) return null;
          return (
            <li key={messageId} className="pin-row">
              <button type="button" className="pin-message" onClick={() => requestJump({ seq })}>
                <span className="pin-line">
                  <bdi className="member-name one-line">{nameOf(senderId)}</bdi>
                  <time className="pin-time" dateTime={new Date(atMs).toISOString()} title={fullTime(atMs)}>
                    {clockTime(atMs)}
                  </time>
                </span>
                <span className="pin-words" dir="auto">
                  {quotedText(message, t)}
                </span>
              </button>
              {may && (
                <button
                  type="button"
                  className="icon-button"
                  aria-label={t('action.unpinMessage')}
                  title={t('action.unpinMessage')}
                  onClick={() => pin({ messageId, seq }, false)}
                >
                  <PinOff size={18} strokeWidth={1.85} aria-hidden />
                </button>
              )}
            </li>
          );
        })}
      </ul>
    </section>
  );
}
