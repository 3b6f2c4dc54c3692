import type { ConversationId, Seq, UserId } from '../api/ids.ts';
import { conversationOf, type ServerEvent } from '../wire/events.ts';
import type { ReceivedUpto } from '../wire/frames.ts';

/** Conversations that one word names at most. */
const MOST_NAMED = 64;

/** A word may be lost with its socket for so long. It has no answer. */
const MAY_BE_LOST_MS = 10_000;

/** What came of others' messages and has not been said to the server, or may not have come there. */
export class Received {
  readonly #upto = new Map<ConversationId, Seq>();
  #last: readonly ReceivedUpto[] = [];
  #lastAt = Number.NEGATIVE_INFINITY;
  #said = false;
  #off = false;

  get isEmpty(): boolean {
    return this.#upto.size === 0;
  }

  /** Takes note of another's message. */
  event(event: ServerEvent, me: UserId): void {
    if (this.#off || event.type !== 'MESSAGE_SENT' || event['actor_id' as never] === me) return;
    const id = conversationOf(event);
    if (id !== null) this.#note(id, event.seq);
  }

  #note(id: ConversationId, seq: Seq): void {
    this.#upto.set(id, Math.max(seq, this.#upto.get(id) ?? 0));
  }

  /** The socket is over: what may have been lost with it is said on the next one, to a server that may know the word. */
  over(nowMs: number): void {
    if (nowMs - this.#lastAt < MAY_BE_LOST_MS) for (const { conversation_id, seq } of this.#last) this.#note(conversation_id, seq);
    this.#last = [];
    this.#said = false;
    this.#off = false;
  }

  /** What is to be said now: the oldest first, because whoever has one place of a shard has everything before it. */
  take(nowMs: number): ReceivedUpto[] {
    const all = [...this.#upto].map(([conversation_id, seq]) => ({ conversation_id, seq })).sort((a, b) => a.seq - b.seq);
    const now = all.slice(0, MOST_NAMED);
    for (const { conversation_id } of now) this.#upto.delete(conversation_id);
    if (now.length > 0) {
      this.#said = true;
      this.#last = now;
      this.#lastAt = nowMs;
    }
    return now;
  }

  /** The server refuses a command that it does not know: one of before. Whether it was this one. */
  isUnknown(): boolean {
    const itWas = this.#said && !this.#off;
    this.#off ||= itWas;
    if (this.#off) {
      this.#upto.clear();
      this.#last = [];
    }
    return itWas;
  }
}
