import type { KnownErrorCode } from '../api/errors.ts';
import { isText } from '../api/messages.ts';
import { closeCodes, maxTextBytes } from '../generated/values.ts';
import type { OutboxRecord } from '../state/records.ts';
import type { Channel, ChannelEnd } from '../transport/transport.ts';
import { Backoff } from '../util/backoff.ts';
import { exceeds } from '../util/bytes.ts';
import type { ServerClock } from '../util/clock.ts';
import { Timer } from '../util/timer.ts';
import { heardBy, type ServerEvent } from '../wire/events.ts';
import {
  type AckFrame,
  type ControlFrame,
  decodeFrame,
  type ErrorFrame,
  encode,
  type PresenceFrame,
  type ReceiptsFrame,
  type TypingFrame,
  type WelcomeFrame,
} from '../wire/frames.ts';
import { InFlight, type Outbox } from './outbox.ts';
import type { PresenceTeller } from './presence.ts';
import type { Received } from './received.ts';
import type { Settings } from './settings.ts';
import type { Sink } from './sink.ts';
import type { Tracker } from './tracker.ts';

/** Milliseconds after which a refusal "for now" without a delay is tried again: within the first, at most the second. */
const RETRY_BASE_MS = 200;
const RETRY_CAP_MS = 5000;
/** A send without an answer for this long, on a socket that is otherwise alive, is sent again on another one. */
const ANSWER_LIMIT_MS = 30_000;
/** Milliseconds for the last ping's answer. */
const GOODBYE_MS = 1000;
/** The server's limit for hello; a welcome later than this is none. */
const WELCOME_MS = 10_000;
/** More characters of events than this waiting for the store, and the socket is left: it could not be told to wait. */
const MOST_WAITING = 16 * 1024 * 1024;
/** Milliseconds from a message to the word that it came, and between two such words. */
const RECEIVED_SOON_MS = 100;
const RECEIVED_EVERY_MS = 1000;
/** Errors about the socket's token, not about the message that they name. */
const ABOUT_SOCKET: readonly string[] = [
  'hello_required',
  'unauthenticated',
  'token_expired',
  'session_revoked',
] satisfies KnownErrorCode[];

/** How the life of a socket ended. */
export type SocketEnd =
  /** The socket is gone. `error` is the last frame that concerned it. */
  | { readonly kind: 'lost'; readonly end: ChannelEnd; readonly error: ErrorFrame | null }
  /** We left it, for this reason. */
  | { readonly kind: 'left'; readonly reason: 'gap' | 'silent' | 'unanswered' | 'behind' | 'stopped' };

/** What the life of a socket works with and tells. */
export interface SocketParts {
  readonly settings: Settings;
  readonly sink: Sink;
  readonly outbox: Outbox;
  readonly tracker: Tracker;
  readonly clock: ServerClock;
  readonly presence: PresenceTeller;
  readonly received: Received;
  onWelcome(welcome: WelcomeFrame): void;
  onCaughtUp(): void;
  onPosition(position: string): void;
  onTyping(frame: TypingFrame): void;
  onReceipts(frame: ReceiptsFrame): void;
  onPresence(frame: PresenceFrame): void;
  onNotice(error: ErrorFrame): void;
  onEnd(end: SocketEnd): void;
}

/** The life of one socket, from hello to its end. */
export class Socket {
  readonly #parts: SocketParts;
  readonly #channel: Channel;
  readonly #inFlight = new InFlight();
  readonly #retry = new Backoff(RETRY_BASE_MS, RETRY_CAP_MS);
  readonly #deadline = new Timer();
  readonly #report = new Timer();
  readonly #pause = new Timer();
  readonly #receivedDue = new Timer();
  #receivedSaid = Number.NEGATIVE_INFINITY;
  #welcome: WelcomeFrame | null = null;
  #caughtUp = false;
  #over = false;
  #error: ErrorFrame | null = null;
  #written = performance.now();
  #heard = performance.now();
  #pingSent: number | null = null;
  #answered = performance.now();
  #reportedCover = 0;
  #unplaced = false;
  /** A message that is refused here makes the outbox look for the next one, which is being done. */
  #filling = false;
  #goodbye: (() => void) | null = null;

  /** `connect` begins to connect; hello is said when the channel is open. */
  constructor(parts: SocketParts, token: string, position: string | null, connect: (listener: Socket['listener']) => Channel) {
    this.#parts = parts;
    this.listener = {
      onOpen: () => {
        this.#write(encode.hello(token, position));
        this.#deadline.start(WELCOME_MS, () => this.#leave('silent'));
      },
      onFrame: (text) => this.#onFrame(text),
      onEnd: (end) => this.#finish({ kind: 'lost', end, error: this.#error }),
    };
    this.#channel = connect(this.listener);
  }

  readonly listener: { onOpen(): void; onFrame(text: string): void; onEnd(end: ChannelEnd): void };

  /** Messages may wait: sends as many as may be in flight. */
  fill(): void {
    if (this.#filling) return;
    this.#filling = true;
    try {
      this.#fill();
    } finally {
      this.#filling = false;
    }
  }

  #fill(): void {
    if (this.#welcome === null || this.#over || this.#pause.pending || this.#goodbye !== null) return;
    const most = Math.max(1, this.#welcome.max_in_flight);
    while (this.#inFlight.size < most) {
      const send = this.#inFlight.take(this.#parts.outbox);
      if (send === null) return;
      if (this.#inFlight.size === 1) this.#answered = performance.now();
      const { clientId, body } = send;
      if (isText(body) && exceeds(body.text, maxTextBytes)) {
        // The server's answer to a frame of that size could be to end the connection, again and again.
        this.#inFlight.answered(clientId);
        this.#parts.outbox.refused(clientId, 'message_too_long');
        continue;
      }
      this.#write(frameOf(send));
    }
  }

  /** Says that the person types or has stopped; nothing waits for it. */
  type(conversationId: string, typing: boolean): void {
    if (this.#caughtUp && !this.#over) this.#write(encode.typing(conversationId, typing));
  }

  /** Something is due that the socket did not cause, such as coming back to the front: asks for a sign of life. */
  probe(): void {
    if (this.#welcome !== null && this.#pingSent === null) this.#ping();
  }

  /** What was given to the sink is stored: reports it, if that is worth a ping. */
  storedMore(): void {
    if (this.#caughtUp && !this.#over && this.#worthReporting()) this.#reportSoon();
  }

  /** Reports the newest position, waits for the answers (at most about two seconds), and closes. */
  async close(): Promise<void> {
    if (this.#over) return;
    if (this.#caughtUp) {
      // At most two: one asks for the position of the last events, one reports it.
      for (let n = 0; n < 2 && !this.#over; n += 1) {
        await bounded(this.#parts.sink.settled(), GOODBYE_MS);
        if (this.#over || !this.#worthReporting()) break;
        const answered = new Promise<void>((resolve) => {
          this.#goodbye = resolve;
        });
        this.#ping();
        await bounded(answered, GOODBYE_MS);
      }
    }
    this.#channel.close(closeCodes.normal);
    this.#finish({ kind: 'left', reason: 'stopped' });
  }

  /** Leaves at once, without goodbye. */
  abort(): void {
    this.#leave('stopped');
  }

  #onFrame(text: string): void {
    if (this.#over) return;
    this.#heard = performance.now();
    const frame = decodeFrame(text);
    if (frame === null) return;
    if ('control' in frame) this.#onControl(frame.control);
    else if (this.#welcome !== null) this.#onEvent(frame.event, text.length, this.#welcome.user_id);
  }

  #onEvent(event: ServerEvent, size: number, me: string): void {
    const verdict = this.#parts.tracker.judge(event, me);
    if (verdict === 'duplicate') return;
    if (verdict !== 'new') {
      this.#leave('gap');
      return;
    }
    this.#parts.sink.event(heardBy(event, me), size);
    this.#parts.received.event(event, me);
    this.#sayReceivedSoon();
    this.#unplaced = true;
    if (this.#parts.sink.waiting > MOST_WAITING) this.#leave('behind');
    // While catching up, `progress` and `caught_up` bring the position.
    else if (this.#caughtUp) this.#reportSoon();
  }

  #onControl(frame: ControlFrame): void {
    switch (frame.type) {
      case 'welcome':
        this.#onWelcome(frame);
        break;
      case 'message_ack':
        this.#onAck(frame);
        break;
      case 'progress':
        this.#onPosition(frame.position);
        break;
      case 'caught_up':
        this.#caughtUp = true;
        // Commands are read from now on, and answers awaited.
        this.#answered = this.#heard;
        this.#onPosition(frame.position);
        this.#parts.onCaughtUp();
        this.#parts.presence.live((text) => this.#write(text));
        this.#sayReceivedSoon();
        break;
      case 'reset':
        this.#parts.tracker.reset();
        this.#parts.sink.reset(frame.reason, frame.position);
        this.#parts.onPosition(frame.position);
        break;
      case 'pong':
        this.#onPong(frame.server_time_ms, frame.position ?? null);
        break;
      case 'user_typing':
        this.#parts.onTyping(frame);
        break;
      case 'receipts':
        this.#parts.onReceipts(frame);
        break;
      case 'user_presence':
        this.#parts.onPresence(frame);
        break;
      case 'error':
        this.#onError(frame);
        break;
    }
  }

  #onWelcome(welcome: WelcomeFrame): void {
    if (this.#welcome !== null) return;
    this.#welcome = welcome;
    this.#parts.clock.hear(welcome.server_time_ms);
    this.#parts.onWelcome(welcome);
    this.#schedule();
    this.fill();
  }

  #onAck(ack: AckFrame): void {
    this.#retry.reset();
    this.#wasAnswered(ack.client_id);
    this.#parts.outbox.acknowledged(ack.client_id, { messageId: ack.message_id, seq: ack.seq, atMs: ack.sent_at_ms });
    this.fill();
  }

  #onPosition(position: string): void {
    this.#unplaced = false;
    this.#parts.sink.position(position);
    this.#parts.onPosition(position);
  }

  #onPong(serverMs: number, position: string | null): void {
    this.#pingSent = null;
    this.#parts.clock.hear(serverMs);
    if (position !== null) this.#onPosition(position);
    const goodbye = this.#goodbye;
    this.#goodbye = null;
    goodbye?.();
    this.#schedule();
  }

  #onError(error: ErrorFrame): void {
    const asked = error.retry_after_ms ?? null;
    const clientId = error.client_id ?? null;
    if (clientId === null) {
      if (error.code === 'unknown_command' && (this.#parts.presence.isUnknown() || this.#parts.received.isUnknown())) return;
      this.#error = error;
      if (error.code === 'rate_limited' && this.#inFlight.size > 0) {
        // Some frame of ours was not even looked at, and which is not said: what has no answer goes out again.
        this.#inFlight.clear();
        this.#pauseFor(asked);
      }
      this.#parts.onNotice(error);
      return;
    }
    this.#wasAnswered(clientId);
    if (!error.retryable && !ABOUT_SOCKET.includes(error.code)) {
      this.#parts.outbox.refused(clientId, error.code);
      this.fill();
      return;
    }
    // First the pause: telling that the message waits makes it look for what may go out.
    this.#pauseFor(asked);
    this.#parts.outbox.delayed(clientId, error.code);
  }

  /** While it catches up the server reads no commands, however long that takes. */
  get #awaitsAnswer(): boolean {
    return this.#caughtUp && this.#inFlight.size > 0;
  }

  #wasAnswered(clientId: string): void {
    this.#inFlight.answered(clientId);
    this.#answered = this.#heard;
  }

  /** Stops sending for a while. One pause for all: what waits behind a refused message does not overtake it. */
  #pauseFor(askedMs: number | null): void {
    if (this.#pause.pending && askedMs === null) return;
    this.#pause.start(this.#retry.nextDelayMs(askedMs), () => this.fill());
  }

  /** Others see that their messages came. While it catches up the server reads nothing. */
  #sayReceivedSoon(): void {
    if (!this.#caughtUp || this.#over || this.#parts.received.isEmpty || this.#receivedDue.pending) return;
    const wait = Math.max(RECEIVED_SOON_MS, this.#receivedSaid + RECEIVED_EVERY_MS - performance.now());
    this.#receivedDue.start(wait, () => void this.#sayReceived());
  }

  async #sayReceived(): Promise<void> {
    const upto = this.#parts.received.take(performance.now());
    this.#receivedSaid = performance.now();
    // Only what outlives the page has come.
    await this.#parts.sink.settled();
    if (this.#over || upto.length === 0) return;
    this.#write(encode.received(upto));
    this.#sayReceivedSoon();
  }

  #worthReporting(): boolean {
    const { sink } = this.#parts;
    return this.#unplaced || (sink.stored !== null && sink.covered > this.#reportedCover);
  }

  #reportSoon(): void {
    if (!this.#report.pending) {
      this.#report.start(this.#parts.settings.reportIntervalMs, () => {
        if (this.#pingSent === null && this.#worthReporting()) this.#ping();
      });
    }
  }

  #ping(): void {
    const { sink } = this.#parts;
    this.#report.stop();
    this.#reportedCover = sink.covered;
    this.#pingSent = performance.now();
    this.#write(encode.ping(sink.stored));
    this.#schedule();
  }

  /** Looks at the time when the next thing is due: a ping, or the end of a socket that is silent or does not answer. */
  #schedule(): void {
    if (this.#over || this.#welcome === null) return;
    const { settings } = this.#parts;
    // A third: two pings may be late before the server gives up.
    const pingEvery = Math.min(settings.pingIntervalMs, Math.max(this.#welcome.idle_timeout_ms / 3, 50));
    const now = performance.now();
    const due = this.#pingSent === null ? this.#written + pingEvery : Math.max(this.#pingSent, this.#heard) + settings.pongTimeoutMs;
    const answer = this.#awaitsAnswer ? this.#answered + ANSWER_LIMIT_MS : Number.POSITIVE_INFINITY;
    this.#deadline.start(Math.min(due, answer, now + pingEvery) - now, () => this.#onTime(pingEvery));
  }

  #onTime(pingEvery: number): void {
    const now = performance.now();
    const { pongTimeoutMs } = this.#parts.settings;
    if (this.#awaitsAnswer && this.#answered + ANSWER_LIMIT_MS <= now) this.#leave('unanswered');
    else if (this.#pingSent !== null && Math.max(this.#pingSent, this.#heard) + pongTimeoutMs <= now) this.#leave('silent');
    else if (this.#pingSent === null && this.#written + pingEvery <= now) this.#ping();
    else this.#schedule();
  }

  #write(text: string): void {
    this.#written = performance.now();
    this.#channel.send(text);
  }

  #leave(reason: 'gap' | 'silent' | 'unanswered' | 'behind' | 'stopped'): void {
    if (this.#over) return;
    // 3000: ours, and the server does not look at it.
    this.#channel.close(3000);
    this.#finish({ kind: 'left', reason });
  }

  #finish(end: SocketEnd): void {
    if (this.#over) return;
    this.#over = true;
    this.#parts.presence.ended();
    this.#parts.received.over(performance.now());
    for (const timer of [this.#deadline, this.#report, this.#pause, this.#receivedDue]) timer.stop();
    this.#goodbye?.();
    this.#parts.onEnd(end);
  }
}

function bounded(work: Promise<void>, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const timeout = setTimeout(resolve, ms);
    void work.finally(() => {
      clearTimeout(timeout);
      resolve();
    });
  });
}

/** What waits as it goes over the wire. */
function frameOf({ clientId, conversationId, body, replyTo, thread, edits, deletes, reacts, pins }: OutboxRecord): string {
  if (pins) return encode.pin(clientId, conversationId, pins.messageId, pins.on);
  if (reacts) return encode.react(clientId, conversationId, reacts.messageId, reacts.emoji, reacts.on);
  if (edits && deletes) return encode.delete(clientId, conversationId, edits.messageId);
  if (edits) return encode.edit(clientId, conversationId, edits.messageId, body);
  return encode.send(clientId, conversationId, body, replyTo?.messageId ?? null, thread?.messageId ?? null);
}
