import { socketPath } from '../generated/values.ts';
import type { Channel, ChannelEnd, ChannelListener, Transport } from './transport.ts';

/** Milliseconds for connecting: DNS, TCP, TLS and the upgrade. */
const CONNECT_TIMEOUT_MS = 10_000;
/** Milliseconds for the other side's answer to a close, after which the socket counts as closed. */
const CLOSE_TIMEOUT_MS = 1000;

/** Frames over a WebSocket: the platform's, in browsers and in Node. */
export class WebSocketTransport implements Transport {
  connect(url: string, listener: ChannelListener): Channel {
    return new SocketChannel(socketUrl(url), listener);
  }
}

/** Where the socket is, for a gateway's address; `http` and `https` are taken too. Throws a `TypeError` for anything else. */
export function socketUrl(gateway: string): string {
  const url = new URL(gateway);
  const scheme = { 'ws:': 'ws:', 'http:': 'ws:', 'wss:': 'wss:', 'https:': 'wss:' }[url.protocol];
  if (scheme === undefined || url.search !== '' || url.hash !== '' || url.host === '') {
    throw new TypeError(`${gateway} is not a gateway's address: ws:// or wss:// without a query is expected`);
  }
  const path = url.pathname.replace(/\/+$/, '');
  return `${scheme}//${url.host}${path.endsWith(socketPath) ? path : path + socketPath}`;
}

class SocketChannel implements Channel {
  readonly #socket: WebSocket;
  readonly #listener: ChannelListener;
  #timeout: ReturnType<typeof setTimeout> | null;
  #ended = false;

  constructor(url: string, listener: ChannelListener) {
    this.#listener = listener;
    this.#socket = new WebSocket(url);
    this.#timeout = setTimeout(() => this.#giveUp('no connection in time'), CONNECT_TIMEOUT_MS);
    this.#socket.onopen = () => {
      this.#stopTimer();
      if (!this.#ended) listener.onOpen();
    };
    this.#socket.onmessage = ({ data }) => {
      // Frames of this protocol are text; anything else is none.
      if (!this.#ended && typeof data === 'string') listener.onFrame(data);
    };
    this.#socket.onclose = ({ code, reason }) => this.#end({ code, reason });
  }

  send(text: string): void {
    if (!this.#ended && this.#socket.readyState === 1) this.#socket.send(text);
  }

  close(code: number): void {
    if (this.#ended) return;
    this.#stopTimer();
    this.#timeout = setTimeout(() => this.#giveUp('no answer to the close'), CLOSE_TIMEOUT_MS);
    // Pages may use 1000 and 3000 to 4999 only.
    this.#socket.close(code);
  }

  #giveUp(reason: string): void {
    this.#socket.close();
    this.#end({ code: 1006, reason });
  }

  #end(end: ChannelEnd): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#stopTimer();
    this.#listener.onEnd(end);
  }

  #stopTimer(): void {
    if (this.#timeout !== null) clearTimeout(this.#timeout);
    this.#timeout = null;
  }
}
