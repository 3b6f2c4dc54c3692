import type { AccessTokens } from '../rest/fetch.ts';
import { encode } from '../wire/frames.ts';
import { EventStreamTransport } from './event-stream.ts';
import type { Channel, ChannelListener, Transport } from './transport.ts';
import { socketUrl, WebSocketTransport } from './websocket.ts';

/** Sockets that came to nothing, one after the other, before a stream is tried. One is easily lost when a gateway goes away. */
const MOST_FAILURES = 2;
/** Milliseconds on a stream until it is seen whether sockets work after all: perhaps nothing got through a moment ago. */
const PROBE_FIRST_MS = 1000;
/** Then the next time; it doubles with each time that they do not. */
const PROBE_BASE_MS = 30_000;
const PROBE_CAP_MS = 600_000;
/** For a socket to open and to bring a frame. */
const PROBE_LIMIT_MS = 10_000;
/** What the engine takes for a lost connection: it resumes at once. */
const LOST = 1006;

/** How it is done; tests have their own. */
export interface FallbackParts {
  readonly sockets?: Transport;
  readonly streams?: Transport;
  readonly probeBaseMs?: number;
}

/**
 * A WebSocket, or a stream of events while no WebSocket gets through. A socket counts as one that got through with its first frame: some
 * networks let it open and pass nothing. On a stream it is tried now and then whether sockets work, soon at first; then the stream is left for one, and
 * what came meanwhile is caught up with as after any lost connection.
 */
export class FallbackTransport implements Transport {
  readonly #sockets: Transport;
  readonly #streams: Transport;
  readonly #probeBaseMs: number;
  #failures = 0;
  #probeMs: number;

  constructor({ sockets, streams, probeBaseMs }: FallbackParts = {}) {
    this.#sockets = sockets ?? new WebSocketTransport();
    this.#streams = streams ?? new EventStreamTransport();
    this.#probeBaseMs = probeBaseMs ?? PROBE_BASE_MS;
    this.#probeMs = Math.min(PROBE_FIRST_MS, this.#probeBaseMs);
  }

  connect(url: string, listener: ChannelListener, tokens?: AccessTokens): Channel {
    return this.#failures < MOST_FAILURES ? this.#bySocket(url, listener, tokens) : this.#byStream(url, listener, tokens);
  }

  #bySocket(url: string, listener: ChannelListener, tokens?: AccessTokens): Channel {
    let heard = false;
    return this.#sockets.connect(
      url,
      {
        onOpen: () => listener.onOpen(),
        onFrame: (text) => {
          if (!heard) {
            heard = true;
            this.#failures = 0;
            this.#probeMs = Math.min(PROBE_FIRST_MS, this.#probeBaseMs);
          }
          listener.onFrame(text);
        },
        onEnd: (end) => {
          if (!heard) this.#failures += 1;
          listener.onEnd(end);
        },
      },
      tokens,
    );
  }

  #byStream(url: string, listener: ChannelListener, tokens?: AccessTokens): Channel {
    let heard = false;
    let probe: Probe | null = null;
    const channel = this.#streams.connect(
      url,
      {
        onOpen: () => listener.onOpen(),
        onFrame: (text) => {
          if (!heard) {
            heard = true;
            probe = new Probe(this.#sockets, url, this.#nextProbe(), (works) => {
              if (!works) return this.#nextProbe();
              this.#failures = 0;
              channel.close(LOST);
              return null;
            });
          }
          listener.onFrame(text);
        },
        onEnd: (end) => {
          probe?.stop();
          // Nothing gets through: it was not about sockets.
          if (!heard) this.#failures = 0;
          listener.onEnd(end);
        },
      },
      tokens,
    );
    return channel;
  }

  /** Not all who fell back together come back together. */
  #nextProbe(): number {
    const ms = this.#probeMs * (0.5 + Math.random() / 2);
    this.#probeMs = Math.min(Math.max(this.#probeMs * 2, this.#probeBaseMs), PROBE_CAP_MS);
    return ms;
  }
}

/**
 * Opens a socket now and then, and says something that a gateway refuses with a frame. Only that frame counts: some networks let a
 * socket open and pass nothing.
 */
class Probe {
  readonly #sockets: Transport;
  readonly #url: string;
  readonly #told: (works: boolean) => number | null;
  #timer: ReturnType<typeof setTimeout>;
  #socket: Channel | null = null;
  #stopped = false;

  /** `told` gives the milliseconds until the next time. */
  constructor(sockets: Transport, url: string, inMs: number, told: (works: boolean) => number | null) {
    this.#sockets = sockets;
    this.#url = socketUrl(url);
    this.#told = told;
    this.#timer = setTimeout(() => this.#try(), inMs);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#socket?.close(1000);
  }

  #try(): void {
    let known = false;
    const found = (works: boolean): void => {
      if (known || this.#stopped) return;
      known = true;
      clearTimeout(this.#timer);
      this.#socket?.close(1000);
      this.#socket = null;
      const again = this.#told(works);
      if (again !== null) this.#timer = setTimeout(() => this.#try(), again);
    };
    this.#timer = setTimeout(() => found(false), PROBE_LIMIT_MS);
    const socket = this.#sockets.connect(this.#url, {
      // Before hello a ping is answered with `hello_required`, and needs no token.
      onOpen: () => socket.send(encode.ping(null)),
      onFrame: () => found(true),
      onEnd: () => found(false),
    });
    this.#socket = socket;
  }
}
