const encoder = new TextEncoder();

/** Bytes of a text in UTF-8. */
export function bytesOf(text: string): number {
  return encoder.encode(text).length;
}

/** Whether a text has more bytes of UTF-8 than `most`. Counts them only where the number of its code units does not say. */
export function exceeds(text: string, most: number): boolean {
  return text.length > most || (text.length * 3 > most && bytesOf(text) > most);
}
