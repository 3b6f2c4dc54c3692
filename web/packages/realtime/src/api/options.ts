import type { Store } from '../store/store.ts';
import type { Transport } from '../transport/transport.ts';

/** How a client behaves. Everything but the addresses has a default that suits a person's device. */
export interface ClientOptions {
  /** Where REST is, such as `https://chat.example.org`. In a browser, an empty text is the page's own origin. */
  apiBase: string;
  /**
   * The gateways, such as `wss://chat.example.org`; the socket's path may be there or not. One is picked at random, and another
   * after each loss. None: the gateway is behind the same host as REST.
   */
  gateways: readonly string[];
  /**
   * What keeps state: `indexeddb` (the default in browsers; memory where that is not possible, with a notice), `memory`
   * (the default elsewhere), or a store of one's own.
   */
  store?: 'indexeddb' | 'memory' | Store;
  /** Carries frames. The default is a WebSocket, or Server-Sent Events while no WebSocket gets through. */
  transport?: Transport;
  /** Whether tabs share one socket. The default: yes where the browser has locks. */
  shareTabs?: boolean;
  /** The default is the platform's `fetch`. */
  fetch?: typeof globalThis.fetch;
  /** Messages that may wait in the outbox. Default 10,000. */
  outboxLimit?: number;
  /** Milliseconds after which a ping is sent when nothing else was. Default 20,000, or sooner if the server asks. */
  pingIntervalMs?: number;
  /** Milliseconds without a sign of life after a ping until the socket is given up. Default 10,000. */
  pongTimeoutMs?: number;
  /** Milliseconds after an event until its position is asked for and reported. Default 2,000. */
  reportIntervalMs?: number;
  /** Milliseconds within which the first reconnect comes; doubles with every failure. Default 100. */
  reconnectBaseMs?: number;
  /** Milliseconds that no reconnect exceeds unless the server asks. Default 10,000. */
  reconnectCapMs?: number;
}
