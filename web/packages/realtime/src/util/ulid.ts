const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** A ULID of the given time with 80 random bits. `crypto.getRandomValues` works over plain http too. */
export function ulid(ms: number): string {
  let time = '';
  for (let rest = Math.floor(ms), n = 0; n < 10; n += 1) {
    time = ALPHABET.charAt(rest % 32) + time;
    rest = Math.floor(rest / 32);
  }
  const random = crypto.getRandomValues(new Uint8Array(16));
  return time + Array.from(random, (byte) => ALPHABET.charAt(byte % 32)).join('');
}
