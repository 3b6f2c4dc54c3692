/** Pixels of the design become so many on the screen: the person's size of text, of which the browser's own is a part. */
export function textScale(): number {
  return Number.parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;
}
