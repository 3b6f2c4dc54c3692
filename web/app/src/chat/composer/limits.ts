import { maxTextBytes } from '@relayhub/realtime';

/** The counter shows in the last tenth. */
const COUNT_FROM = maxTextBytes * 0.9;

const encoder = new TextEncoder();

export function byteLength(text: string): number {
  // Most texts are far from the limit: three bytes a code unit is the most there can be.
  return text.length * 3 < COUNT_FROM ? text.length : encoder.encode(text).length;
}

/** The bytes that are left, or null while they are nobody's concern. */
export function bytesLeft(text: string): number | null {
  const used = byteLength(text);
  return used >= COUNT_FROM ? maxTextBytes - used : null;
}

/** Not only white space, and within the limit. */
export function isSendable(text: string): boolean {
  return text.trim() !== '' && (bytesLeft(text) ?? 0) >= 0;
}
