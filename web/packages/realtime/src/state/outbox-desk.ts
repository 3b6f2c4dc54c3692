import type { Sending } from '../api/client.ts';
import { ApiError } from '../api/errors.ts';
import type { ClientId, ConversationId } from '../api/ids.ts';
import { isText, type MessageRef } from '../api/messages.ts';
import type { Outbox } from '../engine/outbox.ts';
import { noSession } from '../rest/problems.ts';
import type { LastWords } from '../store/store.ts';
import type { ServerClock } from '../util/clock.ts';
import { publishedBy } from '../wire/events.ts';
import type { Change } from './change.ts';
import type { Home } from './home.ts';
import type { Mirror } from './mirror.ts';
import { type Ack, isWaiting, type OutboxRecord, waitingAgain } from './records.ts';

/** Characters of all that waits. */
const MOST_CHARACTERS = 16 * 1024 * 1024;

interface Waiter {
  resolve(ack: Ack): void;
  reject(error: ApiError): void;
}

/** The outbox of one tab: any tab writes into it, the one with the socket sends. */
export class OutboxDesk implements Outbox {
  readonly #home: Home;
  readonly #mirror: Mirror;
  readonly #clock: ServerClock;
  readonly #tab: string;
  readonly #limit: number;
  /** Whether this tab sends what others wrote. */
  readonly #forAll: boolean;
  readonly #waiters = new Map<ClientId, Waiter>();
  readonly #off: () => void;
  /** On their way into the store for the first time. */
  readonly #storing = new Map<ClientId, { readonly record: OutboxRecord; readonly stored: Promise<unknown> }>();
  #closed = false;

  constructor(parts: { home: Home; mirror: Mirror; clock: ServerClock; tab: string; limit: number; forAll: boolean }) {
    this.#home = parts.home;
    this.#mirror = parts.mirror;
    this.#clock = parts.clock;
    this.#tab = parts.tab;
    this.#limit = parts.limit;
    this.#forAll = parts.forAll;
    this.#off = parts.mirror.onChange((change) => this.#hear(change));
  }

  close(): void {
    this.#closed = true;
    this.#off();
    for (const waiter of this.#waiters.values()) waiter.reject(noSession());
    this.#waiters.clear();
  }

  next(isBusy: (id: ConversationId) => boolean): OutboxRecord | null {
    return this.#mirror.outbox.next(isBusy, ({ tab }) => this.#forAll || tab === this.#tab);
  }

  send(conversationId: ConversationId, text: string, replyTo: MessageRef | null = null, thread: MessageRef | null = null): Sending {
    return this.#add(conversationId, {
      body: { type: 'text', text },
      state: 'pending',
      ...(replyTo === null ? {} : { replyTo }),
      ...(thread === null ? {} : { thread }),
    });
  }

  /** Puts an edit into the outbox. One of the same message that failed gives way. */
  edit(conversationId: ConversationId, message: MessageRef, text: string): Sending {
    this.#discardFailed(conversationId, message);
    return this.#add(conversationId, { body: { type: 'text', text }, state: 'editing', edits: message });
  }

  /** Puts the deletion of a message, for everyone, into the outbox. */
  delete(conversationId: ConversationId, message: MessageRef): Sending {
    this.#discardFailed(conversationId, message);
    return this.#add(conversationId, { body: { type: 'erased' }, state: 'deleting', edits: message, deletes: true });
  }

  /** Puts a reaction to a message into the outbox, or that it is taken back. */
  react(conversationId: ConversationId, message: MessageRef, emoji: string, on: boolean): Sending {
    return this.#add(conversationId, { body: { type: 'reaction' }, state: 'reacting', reacts: { ...message, emoji, on } });
  }

  /** Puts into the outbox that a message is pinned, or no longer. */
  pin(conversationId: ConversationId, message: MessageRef, on: boolean): Sending {
    return this.#add(conversationId, { body: { type: 'pin' }, state: 'pinning', pins: { ...message, on } });
  }

  /** What failed of the same message gives way. */
  #discardFailed(conversationId: ConversationId, { messageId }: MessageRef): void {
    const earlier = [...this.#mirror.outbox.editsOf(conversationId, messageId)];
    for (const { state, clientId } of earlier) if (state === 'failed') this.discard(clientId);
  }

  #add(
    conversationId: ConversationId,
    what: Pick<OutboxRecord, 'body' | 'state' | 'replyTo' | 'thread' | 'edits' | 'deletes' | 'reacts' | 'pins'>,
  ): Sending {
    if (this.#closed) throw noSession();
    const { count, characters } = this.#mirror.outbox.unsettled;
    const more = isText(what.body) ? what.body.text.length : 0;
    if (count >= this.#limit || characters + more > MOST_CHARACTERS)
      throw new ApiError('outbox_full', `${count} messages wait`, { retryable: true });
    const record: OutboxRecord = {
      clientId: this.#clock.mintClientId(),
      conversationId,
      ...what,
      turn: this.#mirror.outbox.nextTurn,
      atMs: Date.now(),
      tab: this.#tab,
      ack: null,
      error: null,
    };
    const acknowledged = new Promise<Ack>((resolve, reject) => {
      this.#waiters.set(record.clientId, { resolve, reject });
    });
    acknowledged.catch(() => undefined);
    const stored = this.#put(record).catch((cause: unknown) => {
      throw new ApiError('store', 'the message could not be kept on this device', { retryable: false, cause });
    });
    const arrived = stored.catch(() => undefined).finally(() => this.#storing.delete(record.clientId));
    this.#storing.set(record.clientId, { record, stored: arrived });
    // Told at once: it shows, and goes out, without waiting for the disk. Only what is stored outlives this tab.
    this.#home.publish({ outbox: [record] });
    return { clientId: record.clientId, stored, acknowledged };
  }

  /** What the store does not have yet. */
  unstored(): LastWords['writes'] {
    return [...this.#storing.values()].map(({ record }) => ({ table: 'outbox', key: record.clientId, value: record }));
  }

  /** Resolves when it has, or has refused. */
  async settled(): Promise<void> {
    await Promise.all([...this.#storing.values()].map(({ stored }) => stored));
  }

  /** Sends a failed message again, with the same key: nothing was stored under it. */
  retry(clientId: ClientId): void {
    const record = this.#mirror.outbox.get(clientId);
    if (record?.state === 'failed')
      this.#update({ ...waitingAgain(record), error: null, turn: this.#mirror.outbox.nextTurn, tab: this.#tab });
  }

  discard(clientId: ClientId): void {
    const record = this.#mirror.outbox.get(clientId);
    if (record === null || record.state === 'acked') return;
    this.#forget(clientId);
  }

  /** Where each tab sends its own: takes over what tabs left behind that are gone. */
  adopt(alive: ReadonlySet<string>): void {
    if (this.#forAll || this.#closed) return;
    for (const record of [...this.#mirror.outbox]) {
      if (isWaiting(record) && record.tab !== this.#tab && !alive.has(record.tab)) this.#update({ ...record, tab: this.#tab });
    }
  }

  acknowledged(clientId: ClientId, ack: Ack): void {
    const record = this.#mirror.outbox.get(clientId);
    if (record === null || record.state === 'acked') return;
    const acked: OutboxRecord = { ...record, state: 'acked', ack, error: null };
    // It waits for its event, unless that has passed already.
    if ((this.#mirror.record(record.conversationId)?.lastSeq ?? 0) >= ack.seq) {
      this.#hear({ outbox: [acked] });
      this.#forget(clientId);
    } else this.#update(acked);
  }

  refused(clientId: ClientId, code: string): void {
    const record = this.#mirror.outbox.get(clientId);
    if (record === null || !isWaiting(record)) return;
    const failed: OutboxRecord = { ...record, state: 'failed', error: code };
    // It is gone, as wished, or was a reaction or a pin: there is nothing for the person to decide.
    if (record.reacts || record.pins || (record.deletes && code === 'message_gone')) {
      this.#hear({ outbox: [failed] });
      this.#forget(clientId);
    } else this.#update(failed);
  }

  delayed(clientId: ClientId, code: string): void {
    const record = this.#mirror.outbox.get(clientId);
    // Not stored: it says nothing that another run has to know.
    if (record !== null && isWaiting(record) && record.error !== code) this.#home.publish({ outbox: [{ ...record, error: code }] });
  }

  #hear(change: Change): void {
    for (const record of change.outbox ?? []) {
      if (record.state === 'acked' && record.ack !== null) this.#answer(record.clientId, (waiter) => waiter.resolve(record.ack as Ack));
      if (record.state === 'failed') {
        const refusal = new ApiError(record.error ?? 'internal', 'the message was refused', { retryable: false });
        this.#answer(record.clientId, (waiter) => waiter.reject(refusal));
      }
    }
    for (const event of change.events ?? []) {
      const own = publishedBy(event, this.#mirror.me);
      if (own === null) continue;
      const { at_ms: atMs } = event as { at_ms: number };
      this.#answer(own.clientId, (waiter) => waiter.resolve({ messageId: own.id, seq: event.seq, atMs }));
    }
  }

  #answer(clientId: ClientId, tell: (waiter: Waiter) => void): void {
    const waiter = this.#waiters.get(clientId);
    if (waiter === undefined) return;
    this.#waiters.delete(clientId);
    tell(waiter);
  }

  #forget(clientId: ClientId): void {
    this.#quietly(this.#home.transaction(['outbox'], { write: true, strict: true }, async (tx) => tx.delete('outbox', clientId)));
    this.#home.publish({ settled: [clientId] });
  }

  #update(record: OutboxRecord): void {
    this.#quietly(this.#put(record, true));
    this.#home.publish({ outbox: [record] });
  }

  /** `ifThere`: what left the outbox meanwhile does not come back. */
  #put(record: OutboxRecord, ifThere = false): Promise<void> {
    return this.#home.transaction(['outbox'], { write: true, strict: true }, async (tx) => {
      if (ifThere && (await tx.get('outbox', record.clientId)) === undefined) return;
      tx.put('outbox', record.clientId, record);
    });
  }

  /** What the store does not take is sent again later, and its first ack comes back. */
  #quietly(work: Promise<unknown>): void {
    work.catch(() => undefined);
  }
}
