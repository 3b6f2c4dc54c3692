import type { ClientId, ConversationId, MessageId, Open } from './ids.ts';
import type { MessageBody } from './messages.ts';

/** A message of the person's own that is to be sent later. */
export interface ScheduledMessage {
  readonly conversationId: ConversationId;
  /** The key that it is sent with, and by which it is named until then. */
  readonly clientId: ClientId;
  readonly body: MessageBody;
  readonly replyTo: MessageId | null;
  /** Milliseconds since 1970. */
  readonly sendAtMs: number;
  /** The zone that the time was chosen in, or nothing. */
  readonly timeZone: string;
  /** `refused` and `overdue` ones wait for the person, who schedules them anew or cancels them. */
  readonly state: Open<'waiting' | 'sending' | 'refused' | 'overdue'>;
  /** Why it was refused. */
  readonly refusal: string | null;
}

/** What is to be sent, and when. */
export interface Schedule {
  readonly body: MessageBody;
  readonly replyTo?: MessageId | undefined;
  /** Milliseconds since 1970, at most 366 days ahead. A time that is past means now. */
  readonly sendAtMs: number;
  /** The name of a zone, such as `Europe/Berlin`, for people to read. */
  readonly timeZone?: string | undefined;
}
