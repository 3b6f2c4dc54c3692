import { useCallback, useEffect, useRef, useState } from 'react';
import { errorText } from '@/chat/refusals';
import { useMessenger } from '@/realtime/hooks';
import { Refusal } from '@/realtime/messenger';
import type { Found, Hit } from '@/types';

export interface MessageSearch {
  hits: readonly Hit[];
  /** Nothing was asked for yet, or nothing that could be found. */
  idle: boolean;
  looking: boolean;
  /** More than what is shown may be found. */
  more: boolean;
  /** When the last search ran out of time: what is newer was searched. */
  backToMs: number | null;
  /** What is older was looked for in part of the conversations only. */
  partialBeforeMs: number | null;
  /** Since when messages cannot be found yet, in milliseconds. */
  lagMs: number | null;
  error: string | null;
  /** Reads on. */
  next: () => void;
}

type State = Omit<MessageSearch, 'next' | 'more'> & { cursor: string | null };

const PAUSE_MS = 250;
const NOTHING: State = {
  hits: [],
  idle: true,
  looking: false,
  backToMs: null,
  partialBeforeMs: null,
  lagMs: null,
  error: null,
  cursor: null,
};

/** Messages by what they say. Asked for when the typing pauses; an answer that comes too late is not shown. */
export function useMessageSearch(typed: string, conversationId: string | null): MessageSearch {
  const messenger = useMessenger();
  const [state, setState] = useState<State>(NOTHING);
  const asked = useRef(0);
  const text = typed.trimStart();

  const ask = useCallback(
    async (cursor: string | null) => {
      asked.current += 1;
      const mine = asked.current;
      setState((now) => ({ ...now, looking: true, error: null }));
      try {
        const found = await messenger.search(text, conversationId, cursor);
        if (mine === asked.current) setState((now) => taken(now, found, cursor !== null));
      } catch (error) {
        if (mine !== asked.current) return;
        // What is being typed may not be a query yet: a day without its end, a sign.
        const unfinished = error instanceof Refusal && error.code === 'invalid_field';
        setState((now) => (unfinished ? NOTHING : { ...now, looking: false, error: errorText(error) }));
      }
    },
    [messenger, text, conversationId],
  );

  useEffect(() => {
    asked.current += 1;
    if (!text) return setState(NOTHING);
    const timer = window.setTimeout(() => void ask(null), PAUSE_MS);
    return () => {
      window.clearTimeout(timer);
      asked.current += 1;
    };
  }, [ask, text]);

  const { cursor, ...shown } = state;
  const next = useCallback(() => {
    if (cursor && !state.looking) void ask(cursor);
  }, [ask, cursor, state.looking]);
  return { ...shown, more: cursor !== null, next };
}

function taken(now: State, found: Found, further: boolean): State {
  return {
    hits: further ? [...now.hits, ...found.hits] : found.hits,
    idle: false,
    looking: false,
    backToMs: found.backToMs,
    partialBeforeMs: found.partialBeforeMs,
    lagMs: found.lagMs,
    error: null,
    cursor: found.next,
  };
}
