import { Archive, ArrowLeft, MessageCircle, SquarePen } from 'lucide-react';
import { useMemo, useState } from 'react';
import { useLocation } from 'wouter';
import { formatNumber, useText } from '@/app/i18n/i18n';
import { useMessenger, useSession, useStore } from '@/realtime/hooks';
import { useUi } from '@/store/ui';
import { Strip } from '../conversation/Strip';
import { ConversationRowView } from './ConversationRowView';
import { type Filter, filterRows } from './filter';
import { InvitationCard } from './InvitationCard';
import { ListRows } from './ListRows';
import { SearchField } from './SearchField';
import { callsFor, isArchived } from './setApart';
import { useListNow } from './useListNow';
import './conversation-list.css';

const FILTERS = ['all', 'unread', 'direct', 'group'] as const;

/** The conversations of the person, newest first, with what waits for an answer above them. */
export function ConversationList({ selected }: { selected: string | null }) {
  const t = useText();
  const [, navigate] = useLocation();
  const messenger = useMessenger();
  const { me } = useSession();
  const conversations = useStore(messenger.conversations);
  const requests = useStore(messenger.requests);
  const invitations = useStore(messenger.invitations);
  const show = useUi((ui) => ui.show);
  const [query, setQuery] = useState('');
  const [filter, setFilter] = useState<Filter>('all');
  const nowMs = useListNow(conversations);
  const rows = useMemo(() => filterRows(conversations, filter, query, nowMs), [conversations, filter, query, nowMs]);
  const unread = conversations.filter((row) => callsFor(row, nowMs)).length;
  const archived = conversations.filter((row) => isArchived(row, nowMs)).length;
  // When the last one leaves it, it is no place to be.
  if (filter === 'archived' && archived === 0) setFilter('all');
  const waiting = requests.length + invitations.length;
  const searchMessages = () => show({ type: 'search', text: query, conversationId: null });
  const empty = conversations.length === 0 && waiting === 0;
  return (
    <section className="list-pane" aria-label={t('list.label')}>
      <header className="list-head">
        <h1>{t('list.title')}</h1>
        <button
          type="button"
          className="icon-button"
          aria-label={t('list.new')}
          title={t('list.new')}
          onClick={() => show({ type: 'new-conversation' })}
        >
          <SquarePen size={20} strokeWidth={1.85} aria-hidden />
        </button>
      </header>
      {/* Beside an open conversation that one has it. */}
      {selected === null && <Strip />}
      <SearchField value={query} onChange={setQuery} onSwitcher={() => show({ type: 'switcher' })} onMessages={searchMessages} />
      {!empty && (
        // biome-ignore lint/a11y/useSemanticElements: a fieldset would be drawn as one
        <div className="list-filters" role="group" aria-label={t('list.filters')}>
          {FILTERS.map((name) => (
            <button key={name} type="button" className="chip" aria-pressed={filter === name} onClick={() => setFilter(name)}>
              {t(`list.filter.${name}`)}
              {name === 'unread' && unread > 0 && <b className="numbers">{formatNumber(unread)}</b>}
            </button>
          ))}
        </div>
      )}
      <div className="list-body scrolls">
        {query.trim() !== '' && (
          <button type="button" className="list-messages" onClick={searchMessages}>
            <MessageCircle size={18} strokeWidth={1.85} aria-hidden />
            <span className="one-line">{t('list.searchMessages', { query })}</span>
          </button>
        )}
        {filter === 'archived' && (
          <button type="button" className="list-messages" onClick={() => setFilter('all')}>
            <ArrowLeft className="mirrored" size={18} strokeWidth={1.85} aria-hidden />
            <span className="one-line">{t('list.archivedBack')}</span>
          </button>
        )}
        {filter === 'all' && !query && archived > 0 && (
          <button type="button" className="list-messages" onClick={() => setFilter('archived')}>
            <Archive size={18} strokeWidth={1.85} aria-hidden />
            <span className="one-line">{t('list.archived')}</span>
            <span className="numbers list-archived-count">{formatNumber(archived)}</span>
          </button>
        )}
        {filter === 'all' && !query && waiting > 0 && (
          <section className="list-waiting" aria-label={t('list.waiting')}>
            <h2>{t('list.waiting')}</h2>
            {invitations.map((invitation) => (
              <InvitationCard key={invitation.conversationId} invitation={invitation} />
            ))}
            {requests.map((row) => (
              <ConversationRowView key={row.id} row={row} me={me} selected={row.id === selected} onOpen={() => navigate(`/c/${row.id}`)} />
            ))}
          </section>
        )}
        {rows.length > 0 ? (
          <ListRows rows={rows} me={me} selected={selected} nowMs={nowMs} />
        ) : (
          <p className="list-none">
            {empty ? t('list.none') : query ? t('list.noMatch', { query }) : conversations.length > 0 ? t('list.noneHere') : ''}
          </p>
        )}
      </div>
    </section>
  );
}
