import type { Users } from '../api/client.ts';
import type { UserId } from '../api/ids.ts';
import type { RestClient } from '../rest/client.ts';
import type { UserProfile } from '../rest/types.ts';
import { Backoff } from '../util/backoff.ts';
import { Timer } from '../util/timer.ts';
import { Value } from '../util/value.ts';
import type { Home } from './home.ts';

/** Ids of one question to the server. */
const MOST_AT_ONCE = 500;
/** Profiles kept in memory. Beyond it the half that was learned first goes, and is asked for again when it is wanted. */
const MOST_KNOWN = 20_000;

/** Milliseconds in which an answer of the server's is not asked for again: no event tells that another's name changed. */
const FRESH_MS = 600_000;

/** Profiles: from memory, then the store, then the server. Outlives sessions. */
export class People implements Users {
  readonly #value = new Value<ReadonlyMap<UserId, UserProfile>>(new Map());
  readonly #timer = new Timer();
  readonly #backoff = new Backoff(500, 30_000);
  /** When they were asked for in this run, on `performance.now()`; known or not. */
  readonly #asked = new Map<UserId, number>();
  readonly #heard: (profiles: readonly UserProfile[]) => void;
  #wanted = new Set<UserId>();
  #home: Home | null = null;
  #rest: RestClient | null = null;

  /** `heard`: told what the server says. */
  constructor(heard: (profiles: readonly UserProfile[]) => void = () => undefined) {
    this.#heard = heard;
  }

  get(): ReadonlyMap<UserId, UserProfile> {
    return this.#value.get();
  }

  subscribe(changed: () => void): () => void {
    return this.#value.subscribe(changed);
  }

  want(ids: readonly UserId[]): void {
    if (this.#home === null) return;
    // Ids that nobody has are remembered too, up to a point.
    if (this.#asked.size > 2 * MOST_KNOWN) this.#asked.clear();
    const now = performance.now();
    for (const id of ids) {
      if (now - (this.#asked.get(id) ?? Number.NEGATIVE_INFINITY) < FRESH_MS) continue;
      this.#asked.set(id, now);
      this.#wanted.add(id);
    }
    if (this.#wanted.size > 0 && !this.#timer.pending) this.#timer.start(0, () => void this.#read());
  }

  /** Profiles that came with something else. */
  learn(profiles: readonly UserProfile[]): void {
    const known = this.#value.get();
    const news = profiles.filter((profile) => !isSame(known.get(profile.user_id), profile));
    if (news.length === 0) return;
    const all = new Map(known);
    for (const profile of news) all.set(profile.user_id, profile);
    const tooMany = all.size > MOST_KNOWN ? all.size - MOST_KNOWN / 2 : 0;
    for (const id of [...all.keys()].slice(0, tooMany)) {
      all.delete(id);
      this.#asked.delete(id);
    }
    this.#value.set(all);
  }

  /** A profile changed: asks for it again. */
  refresh(id: UserId): void {
    this.#asked.delete(id);
    void this.#ask([id]).catch(() => undefined);
  }

  use(home: Home | null, rest: RestClient | null): void {
    this.#timer.stop();
    this.#asked.clear();
    this.#wanted.clear();
    this.#home = home;
    this.#rest = rest;
    this.#value.set(new Map());
  }

  async #read(): Promise<void> {
    const home = this.#home;
    const wanted = [...this.#wanted].slice(0, MOST_AT_ONCE);
    for (const id of wanted) this.#wanted.delete(id);
    if (this.#wanted.size > 0) this.#timer.start(0, () => void this.#read());
    if (home === null) return;
    const stored = await home
      .transaction(['users'], {}, (tx) => Promise.all(wanted.map((id) => tx.get('users', id) as Promise<UserProfile | undefined>)))
      .catch((): (UserProfile | undefined)[] => []);
    if (home !== this.#home) return;
    this.learn(stored.filter((profile): profile is UserProfile => profile !== undefined));
    // What the store has is shown at once and may be old: the server is asked all the same, once per run.
    await this.#ask(wanted).then(
      () => this.#backoff.reset(),
      () => {
        if (home !== this.#home) return;
        for (const id of wanted) this.#wanted.add(id);
        this.#timer.start(this.#backoff.nextDelayMs(), () => void this.#read());
      },
    );
  }

  async #ask(ids: readonly UserId[]): Promise<void> {
    const home = this.#home;
    if (home === null || this.#rest === null) return;
    const profiles = await this.#rest.users(ids);
    if (home !== this.#home) return;
    this.learn(profiles);
    this.#heard(profiles);
    await home
      .transaction(['users'], { write: true }, async (tx) => {
        for (const profile of profiles) tx.put('users', profile.user_id, profile);
      })
      .catch(() => undefined);
  }
}

function isSame(a: UserProfile | undefined, b: UserProfile): boolean {
  return a !== undefined && a.handle === b.handle && a.display_name === b.display_name;
}
