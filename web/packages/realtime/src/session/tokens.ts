import { ApiError, type KnownErrorCode } from '../api/errors.ts';
import type { RestClient } from '../rest/client.ts';
import type { AccessTokens } from '../rest/fetch.ts';
import type { TokenResponse } from '../rest/types.ts';
import type { SessionRecord } from '../state/records.ts';
import type { Bus } from '../tabs/bus.ts';

/** Milliseconds before its end at which a token is renewed, so that it does not run out on its way. */
const RENEW_BEFORE_MS = 30_000;
/** Milliseconds to wait for another tab that renews. Longer than a call may take: then it does not live any more. */
const LOCK_PATIENCE_MS = 35_000;
/** Milliseconds for another tab's answer when asked for its token. */
const ASK_MS = 150;
/** How often a refresh token of the store that turns out newer than the one tried is tried in its place. */
const MOST_TRIES = 3;
/** The server's words for: there is no such session any more. */
const OVER: readonly string[] = ['refresh_reused', 'session_revoked', 'unauthenticated'] satisfies KnownErrorCode[];

/** Where the session is kept. */
export interface SessionKeeper {
  /** What is stored now, by whichever tab. */
  read(): Promise<SessionRecord | null>;
  /** Replaces the refresh token, if the session is still the same. Whether it is. */
  keep(session: SessionRecord, refreshToken: string): Promise<boolean>;
}

interface Access {
  readonly token: string;
  /** On `performance.now()`. */
  readonly renewAt: number;
}

/**
 * The session's access token, renewed when it has run out. Exactly one tab renews at a time: the refresh token is exchanged for
 * another at each renewal, and the stored one is read again under the lock. An access token is kept in memory only; tabs give
 * it to each other.
 */
export class SessionTokens implements AccessTokens {
  readonly #sessionId: string;
  readonly #rest: RestClient;
  readonly #keeper: SessionKeeper;
  readonly #bus: Bus;
  readonly #lockName: string;
  readonly #locks: LockManager | null;
  readonly #ended: (reason: string) => void;
  readonly #off: () => void;
  #access: Access | null = null;
  #renewing: Promise<string | null> | null = null;
  /** Whether other tabs were asked for theirs. */
  #asked = false;
  /** The refresh token that this tab saw in the store last. Another one there says that another tab has just renewed. */
  #seen: string;
  /** This tab is done with the session. What is on its way is nobody's any more. */
  #closed = false;

  constructor(parts: {
    session: SessionRecord;
    rest: RestClient;
    keeper: SessionKeeper;
    bus: Bus;
    lockName: string;
    locks: LockManager | null;
    fresh: TokenResponse | null;
    ended: (reason: string) => void;
  }) {
    this.#sessionId = parts.session.sessionId;
    this.#seen = parts.session.refreshToken;
    this.#rest = parts.rest;
    this.#keeper = parts.keeper;
    this.#bus = parts.bus;
    this.#lockName = parts.lockName;
    this.#locks = parts.locks;
    this.#ended = parts.ended;
    if (parts.fresh !== null) this.#take(parts.fresh.access_token, parts.fresh.expires_in_s * 1000);
    this.#off = parts.bus.on((message) => {
      if (message.is === 'token' && message.sessionId === this.#sessionId) this.#hear(message.token, message.leftMs);
      if (message.is === 'token?' && message.sessionId === this.#sessionId) this.#tell();
    });
  }

  /** Gives no token and tells nothing after this. */
  close(): void {
    this.#closed = true;
    this.#off();
    this.#access = null;
  }

  async accessToken(refused?: string): Promise<string | null> {
    if (this.#closed) return null;
    const usable = this.#usable(refused);
    if (usable !== null) return usable;
    this.#renewing ??= this.#renew(refused).finally(() => {
      this.#renewing = null;
    });
    const renewed = await this.#renewing;
    if (this.#closed) return null;
    // The renewal that was under way may have been for an older refusal.
    return renewed !== null && renewed === refused ? this.#renew(refused) : renewed;
  }

  #usable(refused: string | undefined): string | null {
    if (this.#access === null || performance.now() >= this.#access.renewAt || this.#access.token === refused) return null;
    return this.#access.token;
  }

  async #renew(refused: string | undefined): Promise<string | null> {
    if (this.#bus.shared && !this.#asked && this.#access === null) {
      this.#asked = true;
      const given = await this.#askTabs(refused);
      if (given !== null && given !== refused) return given;
    }
    if (this.#locks === null) return this.#exchange(refused);
    const patience = AbortSignal.timeout(LOCK_PATIENCE_MS);
    let began = false;
    try {
      return await this.#locks.request(this.#lockName, { signal: patience }, () => {
        began = true;
        return this.#exchange(refused);
      });
    } catch (error) {
      // The tab that holds the lock is frozen. Asking as well is harmless: the server answers both with the same successor.
      if (!began && patience.aborted) return this.#exchange(refused);
      throw error;
    }
  }

  async #exchange(refused: string | undefined): Promise<string | null> {
    const usable = this.#usable(refused);
    if (usable !== null) return usable;
    let tried: string | null = null;
    for (let n = 0; n < MOST_TRIES; n += 1) {
      const session = await this.#keeper.read();
      if (this.#closed || session === null || session.sessionId !== this.#sessionId) return null;
      if (session.refreshToken === tried) break;
      if (session.refreshToken !== this.#seen) {
        this.#seen = session.refreshToken;
        // Its access token may still be on the way here.
        const given = this.#bus.shared ? await this.#askTabs(refused) : null;
        if (given !== null && given !== refused) return given;
      }
      tried = session.refreshToken;
      try {
        const tokens = await this.#rest.refresh(tried);
        return await this.#keep(session, tokens);
      } catch (error) {
        if (!(error instanceof ApiError) || !OVER.includes(error.code)) throw error;
        const stored = await this.#keeper.read();
        if (this.#closed) return null;
        // Another tab may have been quicker: then what the store has now is the one to use.
        if (stored !== null && stored.sessionId === this.#sessionId && stored.refreshToken !== tried) continue;
        this.#ended(error.code);
        return null;
      }
    }
    return null;
  }

  /** Stores the pair before it is used. */
  async #keep(session: SessionRecord, tokens: TokenResponse): Promise<string | null> {
    // A failure to store is no failure to renew: the stored token stays good as long as its successor is not used.
    const same = await this.#keeper.keep(session, tokens.refresh_token).catch(() => true);
    if (!same || this.#closed) return null;
    this.#seen = tokens.refresh_token;
    this.#take(tokens.access_token, tokens.expires_in_s * 1000);
    this.#tell();
    return tokens.access_token;
  }

  #take(token: string, leftMs: number): void {
    // A token that lives shorter than the margin is used for half its life.
    const margin = Math.min(RENEW_BEFORE_MS, leftMs / 2);
    this.#access = { token, renewAt: performance.now() + leftMs - margin };
  }

  #hear(token: string, leftMs: number): void {
    if (this.#access === null || performance.now() + leftMs > this.#access.renewAt)
      this.#access = { token, renewAt: performance.now() + leftMs };
  }

  #tell(): void {
    if (this.#access === null) return;
    const leftMs = this.#access.renewAt - performance.now();
    if (leftMs > 0) this.#bus.post({ is: 'token', sessionId: this.#sessionId, token: this.#access.token, leftMs });
  }

  #askTabs(refused: string | undefined): Promise<string | null> {
    return new Promise((resolve) => {
      const off = this.#bus.on((message) => {
        if (message.is === 'token' && message.sessionId === this.#sessionId && message.token !== refused) done();
      });
      const timeout = setTimeout(() => done(), ASK_MS);
      const done = (): void => {
        clearTimeout(timeout);
        off();
        resolve(this.#access?.token ?? null);
      };
      this.#bus.post({ is: 'token?', sessionId: this.#sessionId });
    });
  }
}
