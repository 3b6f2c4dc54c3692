import type { TypingState } from '../api/client.ts';
import type { ConversationId, UserId } from '../api/ids.ts';
import type { ServerClock } from '../util/clock.ts';
import { Timer } from '../util/timer.ts';
import type { Value } from '../util/value.ts';
import type { TypingFrame } from '../wire/frames.ts';
import type { Change } from './change.ts';

/** Milliseconds that somebody is shown as typing at most, unless it is said again. */
const LASTS_MS = 5000;
/** Milliseconds between two notices of one's own typing. */
const REPEAT_MS = 2000;
/** People who are shown per conversation. */
const MOST_SHOWN = 50;

/** Who types, and that one types oneself. */
export class TypingDesk {
  readonly #value: Value<TypingState>;
  readonly #clock: ServerClock;
  readonly #say: (id: ConversationId, typing: boolean) => void;
  /** Until when, on `performance.now()`. */
  readonly #until = new Map<ConversationId, Map<UserId, number>>();
  readonly #said = new Map<ConversationId, number>();
  readonly #expiry = new Timer();

  constructor(value: Value<TypingState>, clock: ServerClock, say: (id: ConversationId, typing: boolean) => void) {
    this.#value = value;
    this.#clock = clock;
    this.#say = say;
  }

  stop(): void {
    this.#expiry.stop();
    this.#until.clear();
    this.#value.set(new Map());
  }

  /** The person pressed a key. */
  isTyping(id: ConversationId): void {
    const last = this.#said.get(id);
    const now = performance.now();
    if (last !== undefined && now - last < REPEAT_MS) return;
    this.#said.set(id, now);
    this.#say(id, true);
  }

  /** The person stopped, or sent. */
  stopped(id: ConversationId): void {
    const last = this.#said.get(id);
    this.#said.delete(id);
    if (last !== undefined && performance.now() - last < LASTS_MS) this.#say(id, false);
  }

  hear(frame: TypingFrame): void {
    const users = this.#until.get(frame.conversation_id) ?? new Map<UserId, number>();
    this.#until.set(frame.conversation_id, users);
    users.delete(frame.user_id);
    // A state of a newer server's is shown as nothing.
    if (frame.state === 'typing' && users.size < MOST_SHOWN) {
      const now = this.#clock.estimateMs();
      const left = now === null || frame.until_ms == null ? LASTS_MS : frame.until_ms - now;
      users.set(frame.user_id, performance.now() + Math.min(Math.max(left, 0), LASTS_MS));
    }
    this.#show();
  }

  /** Who has sent something, or is gone, does not type. */
  heed(change: Change): void {
    let isDifferent = false;
    for (const event of change.events ?? []) {
      const users = this.#until.get(event.chain.slice(2));
      if (users === undefined) continue;
      const { actor_id, user_id } = event as { actor_id?: string; user_id?: string };
      isDifferent = users.delete(actor_id ?? '') || users.delete(user_id ?? '') || isDifferent;
    }
    if (isDifferent) this.#show();
  }

  #show(): void {
    const now = performance.now();
    const shown = new Map<ConversationId, readonly UserId[]>();
    let next = Number.POSITIVE_INFINITY;
    for (const [id, users] of this.#until) {
      for (const [user, until] of users) {
        if (until <= now) users.delete(user);
        else next = Math.min(next, until);
      }
      if (users.size === 0) this.#until.delete(id);
      else shown.set(id, [...users.keys()]);
    }
    this.#value.set(shown);
    if (next === Number.POSITIVE_INFINITY) this.#expiry.stop();
    else this.#expiry.start(next - now, () => this.#show());
  }
}
