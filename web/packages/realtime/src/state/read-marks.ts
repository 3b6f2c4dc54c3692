import { ApiError } from '../api/errors.ts';
import type { ConversationId, Seq } from '../api/ids.ts';
import type { RestClient } from '../rest/client.ts';
import { Timer } from '../util/timer.ts';
import { moveReadMark } from './apply.ts';
import type { Home } from './home.ts';
import type { Mirror } from './mirror.ts';
import type { ConversationRecord } from './records.ts';

/** Milliseconds between two requests for one conversation. */
const EVERY_MS = 1000;
/** Milliseconds until a request that failed for now is repeated. */
const AGAIN_MS = 5000;

interface Mark {
  seq: Seq;
  readonly timer: Timer;
  busy: boolean;
}

/** Moves read marks: here at once, on the server soon, merged. */
export class ReadMarks {
  readonly #home: Home;
  readonly #mirror: Mirror;
  readonly #rest: RestClient;
  readonly #marks = new Map<ConversationId, Mark>();

  constructor(home: Home, mirror: Mirror, rest: RestClient) {
    this.#home = home;
    this.#mirror = mirror;
    this.#rest = rest;
  }

  stop(): void {
    for (const mark of this.#marks.values()) mark.timer.stop();
    this.#marks.clear();
  }

  move(id: ConversationId, seq: Seq): void {
    const record = this.#mirror.record(id);
    const target = record === null ? seq : Math.min(seq, record.lastSeq);
    if (record !== null && target <= record.readSeq) return;
    let mark = this.#marks.get(id);
    if (mark !== undefined && target <= mark.seq) return;
    if (mark === undefined) {
      mark = { seq: target, timer: new Timer(), busy: false };
      this.#marks.set(id, mark);
      // The first one goes out at once, so that other devices see it while the person looks.
      mark.timer.start(0, () => void this.#tell(id));
    } else {
      mark.seq = target;
      if (!mark.timer.pending && !mark.busy) mark.timer.start(EVERY_MS, () => void this.#tell(id));
    }
    this.#moveHere(id, target).catch(() => undefined);
  }

  async #moveHere(id: ConversationId, seq: Seq): Promise<void> {
    const moved = await this.#home.transaction(['conversations', 'spans', 'pages'], { write: true }, async (tx) => {
      const record = (await tx.get('conversations', id)) as ConversationRecord | undefined;
      const next = record === undefined ? null : await moveReadMark(tx, record, seq, this.#mirror.me);
      if (next !== null) tx.put('conversations', id, next);
      return next;
    });
    if (moved !== null) this.#home.publish({ conversations: [moved] });
  }

  async #tell(id: ConversationId): Promise<void> {
    const mark = this.#marks.get(id);
    if (mark === undefined) return;
    const { seq } = mark;
    mark.busy = true;
    let again = EVERY_MS;
    try {
      await this.#rest.markRead(id, seq);
    } catch (error) {
      // Refused for good: nothing that saying it again would change.
      if (error instanceof ApiError && error.retryable) {
        mark.busy = false;
        again = Math.max(error.retryAfterMs ?? 0, AGAIN_MS);
        if (this.#marks.get(id) === mark) mark.timer.start(again, () => void this.#tell(id));
        return;
      }
    }
    mark.busy = false;
    if (this.#marks.get(id) !== mark) return;
    mark.timer.start(EVERY_MS, () => {
      if (mark.seq > seq) void this.#tell(id);
      else this.#marks.delete(id);
    });
  }
}
