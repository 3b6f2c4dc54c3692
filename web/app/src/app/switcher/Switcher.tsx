import { Search } from 'lucide-react';
import { type KeyboardEvent, useEffect, useId, useMemo, useRef, useState } from 'react';
import { Dialog, Modal, ModalOverlay } from 'react-aria-components';
import { useLocation } from 'wouter';
import { useText } from '@/app/i18n/i18n';
import { Avatar } from '@/app/ui/Avatar';
import { matchScore } from '@/chat/list/filter';
import { usePersonSearch } from '@/people/usePersonSearch';
import { useMessenger, useSession, useStore } from '@/realtime/hooks';
import { Matched } from './Matched';
import './switcher.css';

const MAX_SHOWN = 12;

interface Entry {
  id: string;
  avatarId: string;
  name: string;
  detail: string;
  group: boolean;
  open: () => Promise<string> | string;
}

/** Jump to any conversation or person by a few letters. */
export default function Switcher({ onClose }: { onClose: () => void }) {
  const t = useText();
  const messenger = useMessenger();
  const { me } = useSession();
  const conversations = useStore(messenger.conversations);
  const [, navigate] = useLocation();
  const [query, setQuery] = useState('');
  const [active, setActive] = useState(0);
  const list = useRef<HTMLDivElement>(null);
  const ids = useId();
  const search = usePersonSearch(query);

  const entries = useMemo(() => {
    const needle = query.trim().replace(/^@/, '');
    const rows: Entry[] = conversations
      .map((row) => ({ row, score: Math.max(matchScore(row.title, query), row.peer && needle ? matchScore(row.peer.handle, needle) : 0) }))
      .filter(({ score }) => score > 0)
      .sort((a, b) => b.score - a.score)
      .slice(0, MAX_SHOWN)
      .map(({ row }) => ({
        id: row.id,
        avatarId: row.peer?.id ?? row.id,
        name: row.title,
        detail: row.peer ? `@${row.peer.handle}` : t('switcher.group'),
        group: row.kind !== 'direct',
        open: () => row.id,
      }));
    if (search.state === 'found' && search.person.id !== me.id && !rows.some((row) => row.avatarId === search.person.id)) {
      const { person } = search;
      rows.push({
        id: person.id,
        avatarId: person.id,
        name: person.name,
        detail: t('switcher.start', { handle: person.handle }),
        group: false,
        open: () => messenger.openDirect(person.id),
      });
    }
    return rows;
  }, [conversations, query, search, me.id, messenger, t]);
  const at = Math.min(active, entries.length - 1);

  // biome-ignore lint/correctness/useExhaustiveDependencies: the marked entry stays in view
  useEffect(() => {
    list.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: 'nearest' });
  }, [at, entries]);

  const open = async (entry: Entry | undefined) => {
    if (!entry) return;
    const id = await entry.open();
    onClose();
    navigate(`/c/${id}`);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing) return;
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      const step = event.key === 'ArrowDown' ? 1 : -1;
      if (entries.length > 0) setActive((at + step + entries.length) % entries.length);
    } else if (event.key === 'Enter') {
      event.preventDefault();
      void open(entries[at]);
    }
  };

  return (
    <ModalOverlay className="dialog-scrim" isOpen isDismissable onOpenChange={(shown) => !shown && onClose()}>
      <Modal className="dialog-frame switcher" data-width="wide">
        <Dialog className="dialog" aria-label={t('switcher.label')}>
          <div className="switcher-field">
            <Search size={20} strokeWidth={1.85} aria-hidden />
            <input
              autoFocus
              role="combobox"
              aria-expanded="true"
              aria-controls={`${ids}-list`}
              aria-activedescendant={entries[at] ? `${ids}-${at}` : undefined}
              aria-label={t('switcher.label')}
              placeholder={t('switcher.placeholder')}
              value={query}
              autoComplete="off"
              spellCheck={false}
              onChange={(event) => {
                setQuery(event.target.value);
                setActive(0);
              }}
              onKeyDown={onKeyDown}
            />
            <kbd>Esc</kbd>
          </div>
          <div className="switcher-results scrolls">
            {entries.length > 0 && <h2>{t(query ? 'switcher.matches' : 'switcher.recent')}</h2>}
            <div ref={list} role="listbox" id={`${ids}-list`} aria-label={t('switcher.matches')}>
              {entries.map((entry, index) => (
                // biome-ignore lint/a11y/useKeyWithClickEvents: the field has the keys
                // biome-ignore lint/a11y/useFocusableInteractive: the field keeps the focus
                <div
                  key={entry.id}
                  id={`${ids}-${index}`}
                  role="option"
                  aria-selected={index === at}
                  className="switcher-entry"
                  onPointerMove={() => setActive(index)}
                  onClick={() => void open(entry)}
                >
                  <Avatar id={entry.avatarId} name={entry.name} size={36} shape={entry.group ? 'group' : 'person'} />
                  <span className="member-text">
                    <bdi className="member-name one-line">
                      <Matched text={entry.name} query={query} />
                    </bdi>
                    <bdi className="member-handle one-line">{entry.detail}</bdi>
                  </span>
                  {index === at && <kbd>Enter</kbd>}
                </div>
              ))}
            </div>
            {entries.length === 0 && (
              <p className="switcher-none">{search.state === 'looking' ? t('people.looking') : t('switcher.none')}</p>
            )}
          </div>
          <footer className="switcher-foot" aria-hidden="true">
            <span>
              <kbd>↑↓</kbd> {t('switcher.move')}
            </span>
            <span>
              <kbd>Enter</kbd> {t('switcher.open')}
            </span>
            <span>
              <kbd>?</kbd> {t('switcher.keys')}
            </span>
          </footer>
        </Dialog>
      </Modal>
    </ModalOverlay>
  );
}
