import { ApiError } from '../api/errors.ts';
import type { ConversationId, UserId } from '../api/ids.ts';
import type { MembersState } from '../api/members.ts';
import type { Readable } from '../api/readable.ts';
import type { RestClient } from '../rest/client.ts';
import type { Member, UserProfile } from '../rest/types.ts';
import type { Tx } from '../store/store.ts';
import { Backoff } from '../util/backoff.ts';
import { Timer } from '../util/timer.ts';
import { Value } from '../util/value.ts';
import { conversationOf, isKnownEvent, type KnownEvent } from '../wire/events.ts';
import type { Change } from './change.ts';
import type { Home } from './home.ts';

/** Members that are read of a conversation. */
const FIRST = 200;
/** Conversations whose members are kept, the last looked at. */
const MOST_KEPT = 50;
/** Milliseconds in which changes gather. */
const GATHER_MS = 100;

const NONE: MembersState = { members: [], count: null, complete: false, error: null };

/** Where the store has the members of a conversation, and of which it has any, the last looked at at the end. */
const keyOf = (id: ConversationId): string => `members:${id}`;
const KEPT = 'membersKept';

interface One {
  readonly value: Value<MembersState>;
  readonly timer: Timer;
  readonly backoff: Backoff;
  readonly readable: Readable<MembersState>;
  watchers: number;
  /** Whether something happened since they were read, or they never were in this run. */
  isStale: boolean;
  reading: boolean;
}

/** Who is in the conversations that are looked at: read once, kept, and read again when an event says that somebody came or went. */
export class MemberDesk {
  readonly #home: Home;
  readonly #rest: RestClient;
  readonly #me: UserId;
  readonly #learn: (profiles: readonly UserProfile[]) => void;
  /** The last looked at at the end. */
  readonly #all = new Map<ConversationId, One>();
  #stopped = false;

  constructor(parts: { home: Home; rest: RestClient; me: UserId; learn: (profiles: readonly UserProfile[]) => void }) {
    this.#home = parts.home;
    this.#rest = parts.rest;
    this.#me = parts.me;
    this.#learn = parts.learn;
  }

  stop(): void {
    this.#stopped = true;
    for (const one of this.#all.values()) {
      one.timer.stop();
      one.value.set(NONE);
    }
    this.#all.clear();
  }

  /** Reading begins with the first subscriber. */
  of(id: ConversationId): Readable<MembersState> {
    return this.#of(id).readable;
  }

  /** The connection is back. */
  wake(): void {
    for (const id of this.#all.keys()) this.#readSoon(id, 0);
  }

  heed(change: Change): void {
    for (const id of change.removed ?? []) void this.#forget(id);
    for (const event of change.events ?? []) {
      if (!isKnownEvent(event)) continue;
      if (event.type === 'PROFILE_CHANGED') this.#rename(event.user_id, event.display_name);
      const id = conversationOf(event);
      const one = id === null ? undefined : this.#all.get(id);
      if (id === null || one === undefined || !concernsMembers(event)) continue;
      one.value.set(after(one.value.get(), event));
      one.isStale = true;
      this.#readSoon(id, GATHER_MS);
    }
  }

  #of(id: ConversationId): One {
    const known = this.#all.get(id);
    if (known !== undefined) return known;
    const value = new Value<MembersState>(NONE);
    const one: One = {
      value,
      timer: new Timer(),
      backoff: new Backoff(500, 30_000),
      readable: { get: () => value.get(), subscribe: (changed) => this.#watch(id, changed) },
      watchers: 0,
      isStale: true,
      reading: false,
    };
    this.#all.set(id, one);
    this.#dropUnwatched();
    return one;
  }

  #watch(id: ConversationId, changed: () => void): () => void {
    const one = this.#of(id);
    this.#all.delete(id);
    this.#all.set(id, one);
    const off = one.value.subscribe(changed);
    one.watchers += 1;
    if (one.value.get() === NONE) void this.#show(id);
    else this.#readSoon(id, 0);
    let watches = true;
    return () => {
      off();
      if (watches) one.watchers -= 1;
      watches = false;
    };
  }

  #dropUnwatched(): void {
    for (const [id, one] of this.#all) {
      if (this.#all.size <= MOST_KEPT) return;
      if (one.watchers === 0) this.#all.delete(id);
    }
  }

  /** What the store has comes first. */
  async #show(id: ConversationId): Promise<void> {
    const stored = await this.#home.transaction(['meta'], {}, (tx) => tx.get('meta', keyOf(id))).catch(() => undefined);
    const one = this.#all.get(id);
    if (one === undefined || this.#stopped) return;
    if (stored !== undefined && one.value.get() === NONE) {
      one.value.set(stored as MembersState);
      this.#learn(one.value.get().members);
    }
    this.#readSoon(id, 0);
  }

  #readSoon(id: ConversationId, afterMs: number): void {
    const one = this.#all.get(id);
    if (one === undefined || this.#stopped || one.watchers === 0 || !one.isStale || one.reading) return;
    one.timer.start(afterMs, () => void this.#read(id, one));
  }

  async #read(id: ConversationId, one: One): Promise<void> {
    one.reading = true;
    one.isStale = false;
    let again = GATHER_MS;
    try {
      const [page, whole] = await Promise.all([this.#rest.members(id, { limit: FIRST }), this.#rest.conversation(id)]);
      if (this.#stopped || this.#all.get(id) !== one) return;
      const state: MembersState = { members: page.members, count: whole.member_count, complete: !page.next_cursor, error: null };
      one.backoff.reset();
      // What happened meanwhile may not be in it.
      if (!one.isStale) one.value.set(state);
      this.#learn(page.members);
      await this.#keep(id, state).catch(() => undefined);
    } catch (error) {
      one.isStale = true;
      if (!(error instanceof ApiError)) return;
      one.value.set({ ...one.value.get(), error });
      again = error.retryable ? one.backoff.nextDelayMs(error.retryAfterMs) : Number.POSITIVE_INFINITY;
    } finally {
      one.reading = false;
      if (again !== Number.POSITIVE_INFINITY) this.#readSoon(id, again);
    }
  }

  #keep(id: ConversationId, state: MembersState): Promise<void> {
    return this.#home.transaction(['meta'], { write: true }, async (tx) => {
      const kept = [...(await keptIn(tx)).filter((one) => one !== id), id];
      for (const old of kept.splice(0, Math.max(0, kept.length - MOST_KEPT))) tx.delete('meta', keyOf(old));
      tx.put('meta', KEPT, kept);
      tx.put('meta', keyOf(id), state);
    });
  }

  /** The conversation is not theirs any more. */
  async #forget(id: ConversationId): Promise<void> {
    const one = this.#all.get(id);
    if (one !== undefined) {
      one.timer.stop();
      one.isStale = true;
      one.value.set(NONE);
    }
    await this.#home
      .transaction(['meta'], { write: true }, async (tx) => {
        tx.delete('meta', keyOf(id));
        tx.put(
          'meta',
          KEPT,
          (await keptIn(tx)).filter((one) => one !== id),
        );
      })
      .catch(() => undefined);
  }

  #rename(userId: UserId, name: string): void {
    if (userId !== this.#me) return;
    for (const { value } of this.#all.values()) {
      const state = value.get();
      if (!state.members.some((member) => member.user_id === userId && member.display_name !== name)) continue;
      const members = state.members.map((member) => (member.user_id === userId ? { ...member, display_name: name } : member));
      value.set({ ...state, members });
    }
  }
}

async function keptIn(tx: Tx): Promise<ConversationId[]> {
  return ((await tx.get('meta', KEPT)) as ConversationId[] | undefined) ?? [];
}

function concernsMembers({ type }: KnownEvent): boolean {
  return ['MEMBER_ADDED', 'MEMBERS_ADDED', 'MEMBER_REMOVED', 'MEMBERS_REMOVED', 'ROLE_CHANGED'].includes(type);
}

/** What an event alone says; names of those who came are read. */
function after(state: MembersState, event: KnownEvent): MembersState {
  switch (event.type) {
    case 'MEMBER_REMOVED':
      return without(state, [event.user_id]);
    case 'MEMBERS_REMOVED':
      return without(state, event.user_ids);
    case 'ROLE_CHANGED':
      return {
        ...state,
        members: state.members.map((one) => (one.user_id === event.user_id ? ({ ...one, role: event.role } as Member) : one)),
      };
    default:
      return state;
  }
}

function without(state: MembersState, ids: readonly UserId[]): MembersState {
  const count = state.count === null ? null : Math.max(0, state.count - ids.length);
  return { ...state, count, members: state.members.filter((member) => !ids.includes(member.user_id)) };
}
