import { Search } from 'lucide-react';
import { type KeyboardEvent, useEffect, useId, useRef, useState } from 'react';
import { Dialog, Modal, ModalOverlay } from 'react-aria-components';
import { useLocation } from 'wouter';
import { listTime } from '@/app/i18n/dates';
import { useText } from '@/app/i18n/i18n';
import { Avatar } from '@/app/ui/Avatar';
import { jumpInto } from '@/chat/jumps';
import { useMessenger, usePeople, useSession, useStore } from '@/realtime/hooks';
import { useUi } from '@/store/ui';
import type { Hit } from '@/types';
import { excerpt } from './excerpt';
import { useMessageSearch } from './useMessageSearch';
import '../switcher/switcher.css';
import './search.css';

interface Props {
  /** What is typed already. */
  text: string;
  /** Only here. */
  conversationId: string | null;
  onClose: () => void;
}

/** Finds messages by what they say, and jumps to them. */
export default function MessageSearch({ text, conversationId, onClose }: Props) {
  const t = useText();
  const messenger = useMessenger();
  const [, navigate] = useLocation();
  const conversations = useStore(messenger.conversations);
  const [query, setQuery] = useState(text);
  const [active, setActive] = useState(0);
  const list = useRef<HTMLDivElement>(null);
  const ids = useId();
  const search = useMessageSearch(query, conversationId);
  const { hits } = search;
  const setThread = useUi((ui) => ui.setThread);
  const at = Math.min(active, hits.length - 1);
  const title = (id: string) => conversations.find((row) => row.id === id)?.title;
  const label = conversationId ? t('search.labelIn', { name: title(conversationId) ?? '' }) : t('search.label');

  // biome-ignore lint/correctness/useExhaustiveDependencies: the marked hit stays in view
  useEffect(() => {
    list.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: 'nearest' });
  }, [at, hits]);

  const open = (hit: Hit | undefined) => {
    if (!hit) return;
    onClose();
    // What is in a thread is shown there, beside its root.
    if (hit.thread) setThread({ conversationId: hit.conversationId, root: hit.thread });
    jumpInto(hit.conversationId, { seq: hit.thread?.seq ?? hit.seq });
    navigate(`/c/${hit.conversationId}`);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing) return;
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      const step = event.key === 'ArrowDown' ? 1 : -1;
      if (step > 0 && at === hits.length - 1 && search.more) search.next();
      else if (hits.length > 0) setActive(Math.max(0, Math.min(hits.length - 1, at + step)));
    } else if (event.key === 'Enter') {
      event.preventDefault();
      open(hits[at]);
    }
  };
  const said = search.looking
    ? t('search.looking')
    : (search.error ?? (search.idle ? '' : t(search.more ? 'search.newest' : 'search.count', { count: hits.length })));

  return (
    <ModalOverlay className="dialog-scrim" isOpen isDismissable onOpenChange={(shown) => !shown && onClose()}>
      <Modal className="dialog-frame switcher message-search" data-width="wide">
        <Dialog className="dialog" aria-label={label}>
          <div className="switcher-field">
            <Search size={20} strokeWidth={1.85} aria-hidden />
            <input
              autoFocus
              role="combobox"
              aria-expanded="true"
              aria-controls={`${ids}-list`}
              aria-activedescendant={hits[at] ? `${ids}-${at}` : undefined}
              aria-label={label}
              placeholder={label}
              value={query}
              maxLength={256}
              autoComplete="off"
              spellCheck={false}
              dir="auto"
              onChange={(event) => {
                setQuery(event.target.value);
                setActive(0);
              }}
              onKeyDown={onKeyDown}
            />
            <kbd>Esc</kbd>
          </div>
          <div className="switcher-results scrolls">
            <p className="search-said" role={search.error ? 'alert' : 'status'}>
              {said}
            </p>
            <div ref={list} role="listbox" id={`${ids}-list`} aria-label={t('search.results')}>
              {hits.map((hit, index) => (
                // biome-ignore lint/a11y/useKeyWithClickEvents: the field has the keys
                // biome-ignore lint/a11y/useFocusableInteractive: the field keeps the focus
                <div
                  key={`${hit.conversationId}-${hit.seq}`}
                  id={`${ids}-${index}`}
                  role="option"
                  aria-selected={index === at}
                  className="switcher-entry"
                  onPointerMove={() => setActive(index)}
                  onClick={() => open(hit)}
                >
                  <HitView hit={hit} place={conversationId ? null : (title(hit.conversationId) ?? null)} />
                </div>
              ))}
            </div>
            {!search.looking && search.backToMs !== null && (
              <p className="search-said">{t('search.backTo', { date: listTime(search.backToMs) })}</p>
            )}
            {!search.looking && search.partialBeforeMs !== null && (
              <p className="search-said">{t('search.partial', { date: listTime(search.partialBeforeMs) })}</p>
            )}
            {!search.looking && search.lagMs !== null && <p className="search-said">{t('search.lag')}</p>}
            {search.more && !search.looking && (
              <button type="button" className="button search-more" data-kind="plain" data-size="small" onClick={search.next}>
                {t('search.more')}
              </button>
            )}
          </div>
          <footer className="switcher-foot" aria-hidden="true">
            <span>
              <kbd>↑↓</kbd> {t('switcher.move')}
            </span>
            <span>
              <kbd>Enter</kbd> {t('search.open')}
            </span>
            <span dir="ltr">from: in: before: after: has:link</span>
          </footer>
        </Dialog>
      </Modal>
    </ModalOverlay>
  );
}

/** Who said it, where, when, and the text around what was found. */
function HitView({ hit, place }: { hit: Hit; place: string | null }) {
  const t = useText();
  const { me } = useSession();
  const people = usePeople([hit.senderId]);
  const isMine = hit.senderId === me.id;
  const name = isMine ? t('list.you') : (people.get(hit.senderId)?.name ?? t('person.unknown'));
  return (
    <>
      <Avatar id={hit.senderId} name={isMine ? me.name : name} size={36} />
      <span className="member-text">
        <span className="search-head">
          <bdi className="member-name one-line">{name}</bdi>
          {place !== null && <bdi className="search-place one-line">{place}</bdi>}
          <time className="numbers" dateTime={new Date(hit.atMs).toISOString()}>
            {listTime(hit.atMs)}
          </time>
        </span>
        <span className="search-text" dir="auto">
          {excerpt(hit.text, hit.spans).map((part, index) =>
            // biome-ignore lint/suspicious/noArrayIndexKey: pieces of one text
            part.found ? <mark key={index}>{part.text}</mark> : part.text,
          )}
        </span>
      </span>
    </>
  );
}
