import type { MessageSent } from '../src/wire/events.ts';

/** A message of another's. */
export function message(conversation: string, seq: number, prev: number | null, more: Partial<MessageSent> = {}): MessageSent {
  return {
    type: 'MESSAGE_SENT',
    chain: `c:${conversation}`,
    seq,
    v: 1,
    ...(prev === null ? {} : { prev }),
    conversation_id: conversation,
    actor_id: 'other',
    at_ms: 1_000_000 + seq * 1000,
    message_id: `m${seq}`,
    client_id: `k${seq}`,
    body: { type: 'text', text: `text ${seq}` },
    ...more,
  };
}
