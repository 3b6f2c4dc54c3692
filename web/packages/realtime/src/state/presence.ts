import type { ConversationId, UserId } from '../api/ids.ts';
import type { PersonPresence, PresenceState } from '../api/presence.ts';
import type { PresenceWant } from '../engine/presence.ts';
import { Timer } from '../util/timer.ts';
import type { Value } from '../util/value.ts';
import type { PresenceFrame } from '../wire/frames.ts';

/** Milliseconds after which the tab with the socket is told again: it may be another one by now. */
const AGAIN_MS = 20_000;

const SILENT: PresenceWant = { active: null, conversationId: null, watched: [] };

/** What this tab wants to be said of presence, and what is known of those whom it shows. */
export class PresenceDesk {
  readonly #value: Value<PresenceState>;
  readonly #post: (want: PresenceWant) => void;
  readonly #again = new Timer();
  #want: PresenceWant = SILENT;

  constructor(value: Value<PresenceState>, post: (want: PresenceWant) => void) {
    this.#value = value;
    this.#post = post;
  }

  stop(): void {
    this.#again.stop();
    this.#want = SILENT;
    this.forget();
  }

  present(active: boolean, conversationId: ConversationId | null): void {
    if (this.#want.active === active && this.#want.conversationId === conversationId) return;
    this.#want = { ...this.#want, active, conversationId };
    this.renew();
  }

  watch(people: readonly UserId[]): void {
    this.#want = { ...this.#want, watched: [...people] };
    const shown = new Set(people);
    const known = this.#value.get();
    if ([...known.keys()].some((id) => !shown.has(id))) this.#value.set(new Map([...known].filter(([id]) => shown.has(id))));
    this.renew();
  }

  /** Tells the tab with the socket, now and from time to time. */
  renew(): void {
    if (this.#want === SILENT) return;
    this.#post(this.#want);
    this.#again.start(AGAIN_MS, () => this.renew());
    this.#again.unref();
  }

  /** Without a connection nothing is known. */
  forget(): void {
    if (this.#value.get().size > 0) this.#value.set(new Map());
  }

  hear({ people }: PresenceFrame): void {
    const watched = new Set(this.#want.watched);
    const next = new Map<UserId, PersonPresence>(this.#value.get());
    for (const { user_id, state, conversation_id, last_seen_ms } of people) {
      if (watched.has(user_id)) next.set(user_id, { state, conversationId: conversation_id ?? null, lastSeenMs: last_seen_ms ?? null });
    }
    this.#value.set(next);
  }
}
