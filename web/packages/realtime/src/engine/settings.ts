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

/** Where REST is, without a trailing slash: an empty address is the page's own origin. */
export function baseOf({ apiBase }: ClientOptions): string {
  const base = apiBase === '' ? ((globalThis as { location?: Location }).location?.origin ?? '') : apiBase;
  if (!/^https?:\/\/[^/?#]+(\/[^?#]*)?$/.test(base))
    throw new TypeError(`${base} is not the address of an API: http:// or https:// without a query is expected`);
  return base.replace(/\/+$/, '');
}

export function settingsOf(options: ClientOptions): Settings {
  return {
    // Without any, the gateway is behind the same host as REST.
    gateways: options.gateways.length > 0 ? options.gateways : [baseOf(options)],
    pingIntervalMs: options.pingIntervalMs ?? 20_000,
    pongTimeoutMs: options.pongTimeoutMs ?? 10_000,
    reportIntervalMs: options.reportIntervalMs ?? 2000,
    reconnectBaseMs: options.reconnectBaseMs ?? 100,
    reconnectCapMs: options.reconnectCapMs ?? 10_000,
    outboxLimit: options.outboxLimit ?? 10_000,
  };
}
