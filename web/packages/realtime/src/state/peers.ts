import type { UserId } from '../api/ids.ts';
import type { UserProfile } from '../rest/types.ts';
import type { Home } from './home.ts';
import type { Mirror } from './mirror.ts';
import { type ConversationRecord, GONE } from './records.ts';

/** Direct conversations whose other one is asked for after a connection, the most recently active first. */
const MOST_ASKED = 100;

/**
 * Shows the other one of a direct conversation under their present name. The list says it when a conversation begins, and no event
 * tells that it changed: it is asked for with the profiles.
 */
export class Peers {
  readonly #home: Home;
  readonly #mirror: Mirror;

  constructor(home: Home, mirror: Mirror) {
    this.#home = home;
    this.#mirror = mirror;
  }

  /** Whose profiles are worth asking for. */
  get wanted(): UserId[] {
    return this.#mirror.recentPeers(MOST_ASKED);
  }

  /** Profiles became known, or were read again. */
  async learn(profiles: readonly UserProfile[]): Promise<void> {
    const misnamed = this.#mirror.misnamed(profiles);
    if (misnamed.size === 0) return;
    const conversations = await this.#home.transaction(['conversations'], { write: true }, async (tx) => {
      const changed: ConversationRecord[] = [];
      const stored = await Promise.all([...misnamed.keys()].map((id) => tx.get('conversations', id)));
      for (const record of stored as (ConversationRecord | undefined)[]) {
        const peer = record && misnamed.get(record.id);
        if (record === undefined || peer === undefined || record.state === GONE) continue;
        const renamed = { ...record, peer, rev: record.rev + 1 };
        tx.put('conversations', renamed.id, renamed);
        changed.push(renamed);
      }
      return changed;
    });
    if (conversations.length > 0) this.#home.publish({ conversations });
  }
}
