import type { TextKey } from '@/app/i18n/i18n';

export interface Stopped {
  /** Why it does not connect any more, and what to do. */
  text: TextKey;
  action: 'retry' | 'reload';
}

const RETRY = { action: 'retry' } as const;

/** By the SDK's reason, or by that of the server when it ended the connection. */
const REASONS: Record<string, Stopped> = {
  store: { text: 'strip.stopped.store', ...RETRY },
  unauthenticated: { text: 'strip.stopped.login', ...RETRY },
  bad_address: { text: 'strip.stopped.address', action: 'reload' },
  // It did not understand a frame: this page is of another version than the server.
  close_4502: { text: 'strip.stopped.version', action: 'reload' },
  close_4503: { text: 'strip.stopped.version', action: 'reload' },
  close_4504: { text: 'strip.stopped.flooding', ...RETRY },
};

/** What to say when the client has stopped. */
export function stoppedFor(reason: string | null): Stopped {
  return (reason !== null && Object.hasOwn(REASONS, reason) && REASONS[reason]) || { text: 'strip.stopped', ...RETRY };
}
