import type { ConversationRow } from '../api/conversations.ts';
import type { ClientId, ConversationId, MessageId, Seq, SessionId, UserId } from '../api/ids.ts';
import type { MessageBody, MessageRef } from '../api/messages.ts';
import type { MessageHidden, MessageSent } from '../wire/events.ts';

/** A conversation in the store. */
export interface ConversationRecord extends Omit<ConversationRow, 'last'> {
  readonly last: MessageSent | null;
  /** Rises with every change, so that an older copy is recognised. */
  readonly rev: number;
  /** The reading of the whole list that last saw it. */
  readonly gen: number;
}

/** The state of a row that is kept so that an older answer of the server does not bring a conversation back. */
export const GONE = 'gone';

/** The state of a row of which only the list can say whether it is a request: it is shown nowhere. */
export const UNSETTLED = 'unknown';

/** The server's answer to a send. */
export interface Ack {
  readonly messageId: MessageId;
  readonly seq: Seq;
  readonly atMs: number;
}

/** A message in the outbox. */
export interface OutboxRecord {
  readonly clientId: ClientId;
  readonly conversationId: ConversationId;
  readonly body: MessageBody;
  /** The message that it answers. Absent in what a build of before wrote. */
  readonly replyTo?: MessageRef | null;
  /** The root of the thread in which it is. */
  readonly thread?: MessageRef | null;
  /** The message that says this from now on: it is no message of its own, but an edit. */
  readonly edits?: MessageRef | null;
  /**
   * That message is to be gone for everyone: it is a deletion, with `edits` and an empty body, so that a build of before shows what is
   * to be seen.
   */
  readonly deletes?: boolean;
  /** It is a reaction to that message, and no message of its own. */
  readonly reacts?: (MessageRef & { readonly emoji: string; readonly on: boolean }) | null;
  /** It pins that message, or takes that back, and is no message of its own. */
  readonly pins?: (MessageRef & { readonly on: boolean }) | null;
  /** The order in which messages go out; two tabs may give the same, then the key decides. */
  readonly turn: number;
  /** When it was written here. */
  readonly atMs: number;
  /** The tab that wrote it: where tabs share no socket, each sends its own. */
  readonly tab: string;
  /**
   * `acked`: in the log, and the event has not come yet. `editing`: an edit that is pending; a build of before, which shares the store
   * and knows no edits, does not take it for a message to send. `deleting`, `reacting`, `pinning`: the same of a deletion, of a reaction and of a pin.
   */
  readonly state: 'pending' | 'editing' | 'deleting' | 'reacting' | 'pinning' | 'acked' | 'failed';
  readonly ack: Ack | null;
  /** The code of the last refusal. */
  readonly error: string | null;
}

/** Who is logged in, with what it takes to stay so. */
export interface SessionRecord {
  readonly userId: UserId;
  readonly sessionId: SessionId;
  readonly handle: string;
  readonly displayName: string;
  readonly refreshToken: string;
}

/** Values of the table `meta` by name. */
export interface Meta {
  session: SessionRecord;
  /** Everything up to here is in the store. */
  position: string;
  /** Rises with every tab that takes the socket over; writes of an earlier one are refused. */
  term: number;
  /** The number of the last reading of the whole list that was begun. */
  listGen: number;
  /** The number of the last one that was finished. */
  listDone: number;
  /** Rises with every reset, and with the first position: what was asked for before it says nothing about what follows. */
  logGen: number;
  /** The newest messages that the person hid. */
  hidden: readonly MessageHidden[];
}

/** Whether it waits to be sent. */
export function isWaiting(record: OutboxRecord): boolean {
  return record.state !== 'acked' && record.state !== 'failed';
}

/** The record on its way again. */
export function waitingAgain(record: OutboxRecord): OutboxRecord {
  if (record.pins) return { ...record, state: 'pinning' };
  return { ...record, state: record.reacts ? 'reacting' : record.deletes ? 'deleting' : record.edits ? 'editing' : 'pending' };
}

/** Orders the outbox. */
export function byTurn(a: OutboxRecord, b: OutboxRecord): number {
  return a.turn - b.turn || (a.clientId < b.clientId ? -1 : 1);
}
