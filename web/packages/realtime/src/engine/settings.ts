import type { ClientOptions } from '../api/options.ts';

/** How a connection behaves. All times are milliseconds. */
export interface Settings {
  readonly gateways: readonly string[];
  readonly pingIntervalMs: number;
  readonly pongTimeoutMs: number;
  readonly reportIntervalMs: number;
  readonly reconnectBaseMs: number;
  readonly reconnectCapMs: number;
  readonly outboxLimit: number;
}

export function settingsOf(options: ClientOptions): Settings {
  if (options.gateways.length === 0) throw new TypeError('at least one gateway is needed');
  return {
    gateways: options.gateways,
    pingIntervalMs: options.pingIntervalMs ?? 20_000,
    pongTimeoutMs: options.pongTimeoutMs ?? 10_000,
    reportIntervalMs: options.reportIntervalMs ?? 2000,
    reconnectBaseMs: options.reconnectBaseMs ?? 100,
    reconnectCapMs: options.reconnectCapMs ?? 10_000,
    outboxLimit: options.outboxLimit ?? 10_000,
  };
}
