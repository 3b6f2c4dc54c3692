import { ApiError } from '../api/errors.ts';
import type { ConversationId, Seq } from '../api/ids.ts';
import type { RestClient } from '../rest/client.ts';
import { Timer } from '../util/timer.ts';
import { moveReadMark, seenUpto, unreadAgain } from './apply.ts';
import type { Home } from './home.ts';
import type { Mirror } from './mirror.ts';
import type { ConversationRecord } from './records.ts';
import { addUntold, removeUntold, untoldMarks } from './untold.ts';

/** Milliseconds between two requests for one conversation. */
const EVERY_MS = 1000;
/** Milliseconds until a request that failed for now is repeated. */
const AGAIN_MS = 5000;

interface Mark {
  seq: Seq;
  /** What the server has said that it knows. */
  told: Seq;
  readonly timer: Timer;
  busy: boolean;
  /** The request that is on its way, or was last. */
  telling: Promise<void>;
}

/** Moves read marks: here at once, on the server soon, merged. What it was not told of is stored and told in a later run. */
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

  /** Tells what an earlier run, or a list that says less than the store, left untold. */
  async tellRest(): Promise<void> {
    const marks = await this.#home.transaction(['meta'], {}, untoldMarks);
    for (const [id, seq] of Object.entries(marks)) {
      const mark = this.#marks.get(id);
      if (mark === undefined || seq > mark.seq) this.#plan(id, seq);
      // A list that was read a moment before the server took the mark.
      else if (seq <= mark.told) await this.#settle(id, seq);
    }
  }

  /** Resolves when the server knows every mark, or could not be told now. */
  async allTold(): Promise<void> {
    await this.tellRest();
    await Promise.all([...this.#marks].filter(([, mark]) => mark.seq > mark.told).map(([id]) => this.#tell(id)));
  }

  /** The page goes away: what waits is said now, and outlives it. */
  flush(): void {
    for (const [id, mark] of this.#marks) if (mark.seq > mark.told) void this.#tell(id, true);
  }

  move(id: ConversationId, seq: Seq): void {
    const record = this.#mirror.record(id);
    const target = record === null ? seq : Math.min(seq, record.lastSeq);
    if (record !== null && target <= seenUpto(record)) return;
    if (target <= (this.#marks.get(id)?.seq ?? 0)) return;
    this.#plan(id, target);
    this.#moveHere(id, target).catch(() => undefined);
  }

  /** Marks the conversation as unread from there on, here once the server knows. */
  async markUnread(id: ConversationId, from: Seq): Promise<void> {
    const mark = this.#marks.get(id);
    // What was read before must not end it: it arrives first.
    if (mark !== undefined) {
      await mark.telling;
      mark.timer.stop();
      if (mark.seq > mark.told) await this.#tell(id);
    }
    await this.#rest.markUnread(id, from);
    this.#marks.get(id)?.timer.stop();
    this.#marks.delete(id);
    const marked = await this.#home.transaction(['meta', 'conversations', 'spans', 'pages'], { write: true }, async (tx) => {
      const record = (await tx.get('conversations', id)) as ConversationRecord | undefined;
      const next = record === undefined ? record : await unreadAgain(tx, record, Math.min(from, record.lastSeq), this.#mirror.me);
      if (next === undefined || next === record) return null;
      tx.put('conversations', id, next);
      return next;
    });
    if (marked !== null) this.#home.publish({ conversations: [marked] });
  }

  #plan(id: ConversationId, seq: Seq): void {
    const mark = this.#marks.get(id);
    if (mark === undefined) {
      const timer = new Timer();
      this.#marks.set(id, { seq, told: 0, timer, busy: false, telling: Promise.resolve() });
      // The first one goes out at once, so that other devices see it while the person looks.
      timer.start(0, () => void this.#tell(id));
    } else {
      mark.seq = seq;
      if (!mark.timer.pending && !mark.busy) mark.timer.start(EVERY_MS, () => void this.#tell(id));
    }
  }

  async #moveHere(id: ConversationId, seq: Seq): Promise<void> {
    const moved = await this.#home.transaction(['meta', 'conversations', 'spans', 'pages'], { write: true }, async (tx) => {
      const record = (await tx.get('conversations', id)) as ConversationRecord | undefined;
      const next = record === undefined ? null : await moveReadMark(tx, record, seq, this.#mirror.me);
      if (next === null) return null;
      tx.put('conversations', id, next);
      await addUntold(tx, new Map([[id, next.readSeq]]));
      return next;
    });
    if (moved !== null) this.#home.publish({ conversations: [moved] });
  }

  #settle(id: ConversationId, seq: Seq): Promise<void> {
    return this.#home.transaction(['meta'], { write: true }, (tx) => removeUntold(tx, id, seq));
  }

  #tell(id: ConversationId, leaving = false): Promise<void> {
    const mark = this.#marks.get(id);
    if (mark === undefined) return Promise.resolve();
    mark.telling = this.#say(id, mark, leaving);
    return mark.telling;
  }

  async #say(id: ConversationId, mark: Mark, leaving: boolean): Promise<void> {
    const { seq } = mark;
    mark.busy = true;
    let again = EVERY_MS;
    try {
      await this.#rest.markRead(id, seq, leaving);
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
    mark.told = Math.max(mark.told, seq);
    await this.#settle(id, seq).catch(() => undefined);
    if (this.#marks.get(id) !== mark) return;
    mark.timer.start(EVERY_MS, () => {
      if (mark.seq > seq) void this.#tell(id);
      else this.#marks.delete(id);
    });
  }
}
