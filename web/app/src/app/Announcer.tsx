import { useEffect, useRef, useState } from 'react';
import { t } from '@/app/i18n/i18n';
import { useMessenger } from '@/realtime/hooks';

/** At most one line in this time. */
const PACE_MS = 3_000;

function isComposing(): boolean {
  const field = document.activeElement;
  return field instanceof HTMLTextAreaElement && field.id === 'composer' && field.value.trim() !== '';
}

/** Tells readers what arrived: politely, one line in three seconds, and not while one writes. */
export function Announcer({ open }: { open: string | null }) {
  const messenger = useMessenger();
  const [line, setLine] = useState('');
  const news = useRef(new Map<string, number>());
  const focus = useRef(open);
  focus.current = open;
  useEffect(() => {
    const lastSeqs = new Map(messenger.conversations.get().map((row) => [row.id, row.last?.seq ?? 0]));
    const me = messenger.session.get();
    const mine = me.status === 'in' ? me.session.me.id : '';
    const stop = messenger.conversations.subscribe(() => {
      for (const { id, last } of messenger.conversations.get()) {
        const before = lastSeqs.get(id);
        if (!last?.seq || last.seq === before) continue;
        lastSeqs.set(id, last.seq);
        // A row that was not there before is the first load, not news.
        if (before !== undefined && last.senderId !== mine && last.seq > before) news.current.set(id, (news.current.get(id) ?? 0) + 1);
      }
    });
    const timer = window.setInterval(() => {
      if (news.current.size === 0 || isComposing()) return setLine('');
      const here = focus.current && news.current.has(focus.current) ? focus.current : [...news.current.keys()][0];
      const row = messenger.conversations.get().find(({ id }) => id === here);
      const count = news.current.get(here as string) ?? 0;
      news.current.delete(here as string);
      if (row) setLine(t('announce.new', { count, name: row.title }));
    }, PACE_MS);
    return () => {
      stop();
      window.clearInterval(timer);
    };
  }, [messenger]);
  return (
    <div className="visually-hidden" role="status" aria-live="polite">
      {line}
    </div>
  );
}
