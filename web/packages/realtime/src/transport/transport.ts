import type { AccessTokens } from '../rest/fetch.ts';

/** How a channel ended. `code` is a WebSocket close code; 1006 where the connection was lost or never came about. */
export interface ChannelEnd {
  readonly code: number;
  readonly reason: string;
}

/** What a channel tells. After `onEnd` nothing follows. */
export interface ChannelListener {
  onOpen(): void;
  /** One frame, as text. Frames come in the order in which they were sent. */
  onFrame(text: string): void;
  onEnd(end: ChannelEnd): void;
}

/** An open or opening connection to a gateway. */
export interface Channel {
  /** Sends a frame; after the end it does nothing. Only after `onOpen`. */
  send(text: string): void;
  /** Closes; `onEnd` is told within a bounded time, whatever the network does. */
  close(code: number): void;
}

/** Carries frames between this device and a gateway. */
export interface Transport {
  /**
   * Begins to connect to the gateway at `url`, such as `wss://chat.example.org`. `tokens` are for what is said after hello, where that
   * takes requests of its own.
   */
  connect(url: string, listener: ChannelListener, tokens?: AccessTokens): Channel;
}
