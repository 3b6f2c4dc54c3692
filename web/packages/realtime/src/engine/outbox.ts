import type { ClientId, ConversationId } from '../api/ids.ts';
import type { Ack, OutboxRecord } from '../state/records.ts';

/** Messages that wait, as the store has them, and what the server says about them. */
export interface Outbox {
  /** The first one without an answer, in the order in which they go out, of a conversation that is not busy. */
  next(isBusy: (id: ConversationId) => boolean): OutboxRecord | null;
  acknowledged(clientId: ClientId, ack: Ack): void;
  /** Refused for good. */
  refused(clientId: ClientId, code: string): void;
  /** Refused for now; told for the screen only. */
  delayed(clientId: ClientId, code: string): void;
}

/**
 * What of the outbox is on its way on one socket. One message per conversation is unanswered at a time, so that a refusal "for
 * now" never lets a later one overtake.
 */
export class InFlight {
  readonly #conversations = new Map<ClientId, ConversationId>();
  readonly #busy = new Set<ConversationId>();

  get size(): number {
    return this.#conversations.size;
  }

  /** The next message that may go out, which from now on is on its way. */
  take(outbox: Pick<Outbox, 'next'>): OutboxRecord | null {
    const next = outbox.next((id) => this.#busy.has(id));
    if (next === null) return null;
    this.#conversations.set(next.clientId, next.conversationId);
    this.#busy.add(next.conversationId);
    return next;
  }

  /** The server answered, one way or the other. */
  answered(clientId: ClientId): void {
    const conversation = this.#conversations.get(clientId);
    if (conversation === undefined) return;
    this.#conversations.delete(clientId);
    this.#busy.delete(conversation);
  }

  /** Everything is to go out again. */
  clear(): void {
    this.#conversations.clear();
    this.#busy.clear();
  }
}
