import type { ConversationId, Seq, UserId } from '../api/ids.ts';
import { conversationOf, type ServerEvent } from '../wire/events.ts';
import type { ReceivedUpto } from '../wire/frames.ts';

/** Conversations that one word names at most. */
const MOST_NAMED = 64;

/** What came of others' messages on one socket and has not been said to the server. */
export class Received {
  readonly #upto = new Map<ConversationId, Seq>();
  #said = false;
  #off = false;

  get isEmpty(): boolean {
    return this.#upto.size === 0;
  }

  /** Takes note of another's message. */
  event(event: ServerEvent, me: UserId): void {
    if (this.#off || event.type !== 'MESSAGE_SENT' || event['actor_id' as never] === me) return;
    const id = conversationOf(event);
    if (id !== null) this.#upto.set(id, Math.max(event.seq, this.#upto.get(id) ?? 0));
  }

  /** What is to be said now: the oldest first, because whoever has one place of a shard has everything before it. */
  take(): ReceivedUpto[] {
    const all = [...this.#upto].map(([conversation_id, seq]) => ({ conversation_id, seq })).sort((a, b) => a.seq - b.seq);
    const now = all.slice(0, MOST_NAMED);
    for (const { conversation_id } of now) this.#upto.delete(conversation_id);
    if (now.length > 0) this.#said = true;
    return now;
  }

  /** The server refuses a command that it does not know: one of before. Whether it was this one. */
  isUnknown(): boolean {
    const itWas = this.#said && !this.#off;
    this.#off ||= itWas;
    if (this.#off) this.#upto.clear();
    return itWas;
  }
}
