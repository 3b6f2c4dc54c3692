import type { ConnectionState } from '../api/connection.ts';
import { ApiError } from '../api/errors.ts';
import { closeCodes } from '../generated/values.ts';
import type { AccessTokens } from '../rest/fetch.ts';
import type { Transport } from '../transport/transport.ts';
import { Backoff } from '../util/backoff.ts';
import type { ServerClock } from '../util/clock.ts';
import { Timer } from '../util/timer.ts';
import type { ErrorFrame, PresenceFrame, ReceiptsFrame, TypingFrame, WelcomeFrame } from '../wire/frames.ts';
import { mayReconnect, retryAfterMs } from './closes.ts';
import type { Outbox } from './outbox.ts';
import { PresenceTeller, type PresenceWant } from './presence.ts';
import { Received } from './received.ts';
import type { Settings } from './settings.ts';
import type { Sink } from './sink.ts';
import { Socket, type SocketEnd } from './socket.ts';
import { Tracker } from './tracker.ts';

/** A socket that was live for this long did not fail because of us: the next attempt comes quickly. */
const STABLE_AFTER_MS = 5000;
/** A token that is refused is replaced once; a second refusal in a row is final. */
const MOST_TOKEN_REFUSALS = 2;

/** What a connection works with and tells. */
export interface EngineParts {
  readonly settings: Settings;
  readonly transport: Transport;
  readonly tokens: AccessTokens;
  readonly sink: Sink;
  readonly outbox: Outbox;
  readonly clock: ServerClock;
  onState(state: ConnectionState): void;
  onWelcome(welcome: WelcomeFrame): void;
  onCaughtUp(): void;
  onGap(): void;
  onTyping(frame: TypingFrame): void;
  onReceipts(frame: ReceiptsFrame): void;
  onPresence(frame: PresenceFrame): void;
  onNotice(error: ErrorFrame): void;
  /** It will not connect again. The code is an error's, or `close_<number>`. */
  onStopped(reason: string): void;
}

/** Connects again and again, until it is stopped or the server says not to come back. Outlives sockets. */
export class Engine {
  readonly #parts: EngineParts;
  readonly #tracker = new Tracker();
  readonly #reconnect: Backoff;
  readonly #wait = new Timer();
  readonly #presence = new PresenceTeller();
  readonly #received = new Received();
  #socket: Socket | null = null;
  #resume: string | null;
  #stopped = false;
  /** It stopped by itself; the person may try again. */
  #gaveUp = false;
  #attempt = 0;
  #tokenRefusals = 0;
  #began = 0;
  #offset = Math.floor(Math.random() * 1000);

  /** `position`: where an earlier run stopped; null begins at the present end of the log. */
  constructor(parts: EngineParts, position: string | null) {
    this.#parts = parts;
    this.#resume = position;
    this.#reconnect = new Backoff(parts.settings.reconnectBaseMs, parts.settings.reconnectCapMs);
  }

  start(): void {
    void this.#connect();
  }

  /** Connects now if it waits or gave up; asks for a sign of life if it is connected. */
  wake(): void {
    if (this.#gaveUp) {
      this.#gaveUp = false;
      this.#stopped = false;
      this.#tokenRefusals = 0;
      void this.#connect();
    } else if (this.#wait.pending) {
      this.#wait.stop();
      void this.#connect();
    } else this.#socket?.probe();
  }

  /** Messages wait. */
  fill(): void {
    this.#socket?.fill();
  }

  type(conversationId: string, typing: boolean): void {
    this.#socket?.type(conversationId, typing);
  }

  /** What a tab wants to be said of presence. */
  present(tab: string, want: PresenceWant): void {
    this.#presence.want(tab, want);
  }

  storedMore(): void {
    this.#socket?.storedMore();
  }

  /** Says goodbye: reports the position and closes. */
  async close(): Promise<void> {
    const socket = this.#socket;
    this.#stop();
    await socket?.close();
  }

  /** Stops at once; nothing is sent or given to the sink after this. */
  abort(): void {
    this.#stop();
    this.#socket?.abort();
  }

  #stop(): void {
    this.#stopped = true;
    this.#gaveUp = false;
    this.#attempt += 1;
    this.#wait.stop();
  }

  async #connect(refused?: string): Promise<void> {
    this.#attempt += 1;
    const attempt = this.#attempt;
    this.#state('connecting', null, null);
    let token: string | null;
    try {
      token = await this.#parts.tokens.accessToken(refused);
    } catch (error) {
      if (attempt === this.#attempt) this.#noToken(error);
      return;
    }
    if (attempt !== this.#attempt) return;
    if (token === null || token === refused) {
      this.#giveUp('unauthenticated');
      return;
    }
    const gateway = this.#parts.settings.gateways[this.#offset % this.#parts.settings.gateways.length] ?? '';
    const { settings, sink, outbox, clock } = this.#parts;
    const used = token;
    try {
      this.#socket = new Socket(
        {
          settings,
          sink,
          outbox,
          clock,
          tracker: this.#tracker,
          presence: this.#presence,
          received: this.#received,
          onWelcome: (welcome) => {
            this.#began = performance.now();
            this.#tokenRefusals = 0;
            this.#state('catching_up', null, null);
            this.#parts.onWelcome(welcome);
          },
          onCaughtUp: () => {
            this.#state('live', null, null);
            this.#parts.onCaughtUp();
          },
          onPosition: (position) => {
            this.#resume = position;
          },
          onTyping: (frame) => this.#parts.onTyping(frame),
          onReceipts: (frame) => this.#parts.onReceipts(frame),
          onPresence: (frame) => this.#parts.onPresence(frame),
          onNotice: (error) => this.#parts.onNotice(error),
          onEnd: (end) => this.#onEnd(end, used),
        },
        used,
        this.#resume,
        (listener) => this.#parts.transport.connect(gateway, listener, this.#parts.tokens),
      );
    } catch {
      // The gateway's address is none: no attempt could succeed.
      this.#giveUp('bad_address');
    }
  }

  #noToken(error: unknown): void {
    if (error instanceof ApiError && !error.retryable) this.#giveUp(error.code);
    else this.#retry(error instanceof ApiError ? error.retryAfterMs : null, error instanceof ApiError ? error.code : 'network');
  }

  #onEnd(end: SocketEnd, token: string): void {
    this.#socket = null;
    if (this.#began > 0 && performance.now() - this.#began >= STABLE_AFTER_MS) this.#reconnect.reset();
    this.#began = 0;
    if (this.#stopped) return;
    if (end.kind === 'left') {
      if (end.reason === 'gap') this.#parts.onGap();
      this.#retry(null, end.reason);
      return;
    }
    // Another gateway may be better off.
    this.#offset += 1;
    const { code } = end.end;
    const error = end.error?.code ?? null;
    const aboutToken =
      code === closeCodes.token_expired || code === closeCodes.unauthenticated || error === 'token_expired' || error === 'unauthenticated';
    if (aboutToken) this.#tokenRefusals += 1;
    const final = !mayReconnect(code);
    if (aboutToken ? final && this.#tokenRefusals >= MOST_TOKEN_REFUSALS : final) {
      this.#giveUp(
        code === closeCodes.session_revoked ? 'session_revoked' : code === closeCodes.unauthenticated ? 'unauthenticated' : `close_${code}`,
      );
      return;
    }
    const reason = error ?? (code === 1006 ? 'network' : `close_${code}`);
    this.#retry(end.error?.retry_after_ms ?? retryAfterMs(end.end), reason, aboutToken ? token : undefined);
  }

  #retry(afterMs: number | null, reason: string, refused?: string): void {
    const delay = this.#reconnect.nextDelayMs(afterMs);
    this.#state('offline', reason, Date.now() + delay);
    this.#wait.start(delay, () => void this.#connect(refused));
  }

  #giveUp(reason: string): void {
    this.#stop();
    this.#gaveUp = true;
    this.#state('stopped', reason, null);
    this.#parts.onStopped(reason);
  }

  #state(state: ConnectionState['state'], reason: string | null, retryAtMs: number | null): void {
    this.#parts.onState({ state, sinceMs: Date.now(), retryAtMs, reason });
  }
}
