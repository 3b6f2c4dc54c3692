import { closeCodes } from '../generated/values.ts';
import type { ChannelEnd } from '../transport/transport.ts';

/** Whether a client may come back by itself after a socket ended with this number. */
export function mayReconnect(code: number): boolean {
  return code !== closeCodes.normal && !(code >= 4500 && code <= 4999);
}

/** The milliseconds to wait that the reason of a close may hold: JSON, or `… retry_after_ms=120`. */
export function retryAfterMs(end: ChannelEnd): number | null {
  const found = /retry_after_ms"?\s*[:=]\s*(\d{1,9})/.exec(end.reason);
  return found === null ? null : Number(found[1]);
}
