/** Characters of one message at most: far more than the largest frame. */
const MOST_CHARACTERS = 4 * 1024 * 1024;

/** Takes a stream of Server-Sent Events apart (WHATWG HTML, section 9.2.6). What it has no use for (`id`, `retry`) is passed over. */
export class SseParser {
  readonly #onMessage: (event: string, data: string) => void;
  #rest = '';
  #event = '';
  #data: string[] = [];
  #size = 0;

  /** `onMessage` is told the event's name, `message` if it has none, and its data. */
  constructor(onMessage: (event: string, data: string) => void) {
    this.#onMessage = onMessage;
  }

  /** Takes the next part, wherever it was cut. Throws when a message is too long. */
  take(part: string): void {
    let text = this.#rest + part;
    for (;;) {
      const end = /\r\n|\n|\r(?!$)/.exec(text);
      if (end === null) break;
      this.#line(text.slice(0, end.index));
      text = text.slice(end.index + end[0].length);
    }
    this.#rest = text;
    if (this.#size + text.length > MOST_CHARACTERS) throw new Error('a message is too long');
  }

  #line(line: string): void {
    if (line === '') {
      const { length } = this.#data;
      const [event, data] = [this.#event || 'message', this.#data.join('\n')];
      this.#event = '';
      this.#data = [];
      this.#size = 0;
      if (length > 0) this.#onMessage(event, data);
      return;
    }
    const at = line.indexOf(':');
    const name = at < 0 ? line : line.slice(0, at);
    const value = at < 0 ? '' : line.slice(at + 1).replace(/^ /, '');
    if (name === 'event') this.#event = value;
    else if (name === 'data') {
      this.#data.push(value);
      this.#size += value.length;
    }
  }
}
