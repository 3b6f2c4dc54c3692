import type { Drafts, Invitations, RealtimeClient, Sending, TypingState, Users } from '../api/client.ts';
import type { ConnectionState, Notice } from '../api/connection.ts';
import type { ConversationRow, ConversationSettingsChange } from '../api/conversations.ts';
import type { ClientId, ConversationId, Seq, UserId } from '../api/ids.ts';
import type { MembersState } from '../api/members.ts';
import type { MessageRef } from '../api/messages.ts';
import type { ClientOptions } from '../api/options.ts';
import type { PinsState } from '../api/pins.ts';
import type { PresenceState } from '../api/presence.ts';
import type { Readable } from '../api/readable.ts';
import type { ReceiptsState, Settings as UserSettings } from '../api/receipts.ts';
import type { ScheduledMessage } from '../api/scheduled.ts';
import type { LogIn, SessionState, SignUp } from '../api/session.ts';
import type { Thread, ThreadsState } from '../api/threads.ts';
import type { Timeline } from '../api/timeline.ts';
import { baseOf, type Settings, settingsOf } from '../engine/settings.ts';
import { RestClient } from '../rest/client.ts';
import { noSession } from '../rest/problems.ts';
import type { TokenResponse, UserProfile } from '../rest/types.ts';
import { type SessionKeeper, SessionTokens } from '../session/tokens.ts';
import { DraftDesk } from '../state/drafts.ts';
import { emptyValues } from '../state/mirror.ts';
import { People } from '../state/people.ts';
import type { OutboxRecord, SessionRecord } from '../state/records.ts';
import { MemoryStore } from '../store/memory.ts';
import { type Store, StoreError, type StoreFailure } from '../store/store.ts';
import { type Bus, openBus } from '../tabs/bus.ts';
import { currentPage } from '../tabs/page.ts';
import { EventStreamTransport } from '../transport/event-stream.ts';
import { FallbackTransport } from '../transport/fallback.ts';
import type { Transport } from '../transport/transport.ts';
import { Emitter } from '../util/emitter.ts';
import { ulid } from '../util/ulid.ts';
import { Value } from '../util/value.ts';
import type { ServerEvent } from '../wire/events.ts';
import { Scope } from './scope.ts';
import { type RestEffects, SessionRest } from './session-rest.ts';
import { LeftKeeper, Vault } from './vault.ts';

/** Milliseconds that logging out waits for the server. */
const LOG_OUT_MS = 5000;

/** Notices that wait for somebody to ask. */
const MOST_EARLY = 20;

const STOPPED: ConnectionState = { state: 'stopped', sinceMs: 0, retryAtMs: null, reason: null };

/** What a client is made with. */
export interface ClientParts {
  readonly options: ClientOptions;
  readonly store: Store;
  /** Whether tabs take part in one socket. */
  readonly shareTabs: boolean;
  readonly locks: LockManager | null;
  /** Removes what the browser still has, where state is in memory because the store could not be had. */
  readonly eraseStore?: () => Promise<void>;
}

/** See {@link RealtimeClient}. */
export class Client implements RealtimeClient {
  readonly session: Value<SessionState> = new Value<SessionState>({ status: 'out', reason: null });
  readonly connection: Value<ConnectionState> = new Value<ConnectionState>(STOPPED);
  readonly typing: Value<TypingState> = new Value<TypingState>(new Map());
  readonly presence: Value<PresenceState> = new Value<PresenceState>(new Map());
  readonly settings: Readable<UserSettings | null>;
  readonly scheduled: Readable<readonly ScheduledMessage[] | null>;
  readonly threads: Readable<ThreadsState | null>;
  readonly drafts: Drafts;
  readonly users: Users;
  readonly invitations: Invitations;
  readonly api: SessionRest;
  readonly #values = emptyValues();
  readonly #settingsValue = new Value<UserSettings | null>(null);
  #settingsWanted = false;
  readonly #scheduledValue = new Value<readonly ScheduledMessage[] | null>(null);
  #scheduledWanted = false;
  readonly #threadsValue = new Value<ThreadsState | null>(null);
  #threadsWanted = false;
  readonly #draftDesk = new DraftDesk(this.#values.drafts, this.#values.unsaved);
  readonly #people = new People((profiles) => void this.#scope?.peers.learn(profiles).catch(() => undefined));
  readonly #events = new Emitter<ServerEvent>();
  readonly #notices = new Emitter<Notice>();
  readonly #rows = new Map<ConversationId, Value<ConversationRow | null>>();
  readonly #tab: string = ulid(Date.now());
  readonly #page = currentPage();
  readonly #settings: Settings;
  readonly #transport: Transport;
  readonly #fetch: typeof globalThis.fetch;
  readonly #base: string;
  readonly #open: RestClient;
  readonly #bus: Bus;
  readonly #shared: boolean;
  readonly #locks: LockManager | null;
  readonly #eraseStore: (() => Promise<void>) | null;
  readonly #off: (() => void)[] = [];
  #early: Notice[] | null = [];
  #store: Store;
  #vault: Vault;
  #scope: Scope | null = null;
  #tokens: SessionTokens | null = null;
  #record: SessionRecord | null = null;
  /** The store failed on the way: state is in memory, and other tabs have nothing of it. */
  #alone = false;
  /** The one that failed. */
  #left: Vault | null = null;
  #closed = false;

  constructor({ options, store, shareTabs, locks, eraseStore }: ClientParts) {
    this.#eraseStore = eraseStore ?? null;
    this.#settings = settingsOf(options);
    this.#fetch = options.fetch ?? ((input, init) => globalThis.fetch(input, init));
    this.#transport = options.transport ?? new FallbackTransport({ streams: new EventStreamTransport(this.#fetch) });
    this.#base = baseOf(options);
    this.#store = store;
    this.#vault = new Vault(store);
    this.#shared = shareTabs && store.shared;
    this.#locks = this.#shared ? locks : null;
    this.#bus = openBus(`relayhub:${this.#base}`, this.#shared);
    this.#open = new RestClient(this.#base, null, this.#fetch);
    this.api = new SessionRest(
      this.#base,
      () => this.#tokens,
      this.#fetch,
      () => this.#effectsOf(this.#scope),
    );
    this.drafts = this.#draftDesk;
    this.users = this.#people;
    this.settings = {
      get: () => this.#settingsValue.get(),
      subscribe: (changed) => {
        this.#settingsWanted = true;
        this.#scope?.settings.want();
        return this.#settingsValue.subscribe(changed);
      },
    };
    this.scheduled = {
      get: () => this.#scheduledValue.get(),
      subscribe: (changed) => {
        this.#scheduledWanted = true;
        this.#scope?.scheduled.want();
        return this.#scheduledValue.subscribe(changed);
      },
    };
    this.threads = {
      get: () => this.#threadsValue.get(),
      subscribe: (changed) => {
        this.#threadsWanted = true;
        this.#scope?.threads.want();
        return this.#threadsValue.subscribe(changed);
      },
    };
    const { invitations } = this.#values;
    this.invitations = {
      get: () => invitations.get(),
      subscribe: (changed) => invitations.subscribe(changed),
      refresh: async () => {
        await this.#present().invitations.refresh();
      },
    };
    this.#off.push(
      this.#bus.on((message) => {
        if (message.is === 'session') void this.#follow(message.reason).catch(() => undefined);
      }),
      this.#page.onHide(() => this.#hurry()),
      // The session may have ended while the page was away.
      this.#page.onReturn(() => void this.#follow(null).catch(() => undefined)),
    );
    this.#watch(store);
  }

  get conversations(): Readable<readonly ConversationRow[]> {
    return this.#values.conversations;
  }
  get requests(): Readable<readonly ConversationRow[]> {
    return this.#values.requests;
  }
  get outbox(): RealtimeClient['outbox'] {
    return this.#values.outbox;
  }

  /** Takes up the session that the store has, if any. */
  async restore(): Promise<void> {
    try {
      const record = await this.#vault.read();
      if (record !== null) await this.#enter(record, null);
    } catch (error) {
      // The store's failure has been told, and the client goes on without it.
      if (!(error instanceof StoreError)) throw error;
    }
  }

  async signUp({ handle, displayName, password, ...device }: SignUp): Promise<void> {
    await this.#open.register(handle, displayName, password);
    await this.logIn({ handle, password, ...device });
  }

  async logIn({ handle, password, deviceName, deviceKind }: LogIn): Promise<void> {
    const tokens = await this.#open.logIn(handle, password, deviceName, deviceKind);
    const profile = await new RestClient(this.#base, { accessToken: async () => tokens.access_token }, this.#fetch).me();
    const record: SessionRecord = {
      userId: tokens.user_id,
      sessionId: tokens.session_id,
      handle: profile.handle,
      displayName: profile.display_name,
      refreshToken: tokens.refresh_token,
    };
    this.#leave();
    const store = this.#store;
    try {
      await this.#vault.begin(record);
    } catch (error) {
      // The session is there, on the server: what the device cannot keep is in memory.
      if (!(error instanceof StoreError) || error.why === 'outdated') throw error;
      await this.#storeFailed(store, error.why);
      await this.#vault.begin(record);
    }
    await this.#enter(record, tokens);
    this.#bus.post({ is: 'session', reason: null });
  }

  async logOut(): Promise<void> {
    const record = this.#record;
    if (record === null) return;
    // A bound, because the person wants to be gone from this device also without a network.
    const said = this.api.logOut().catch(() => undefined);
    await Promise.race([said, new Promise((resolve) => setTimeout(resolve, LOG_OUT_MS))]);
    await this.#end(record, 'logged_out');
  }

  retryNow(): void {
    this.#scope?.retryNow();
  }

  conversation(id: ConversationId): Readable<ConversationRow | null> {
    let row = this.#rows.get(id);
    if (row === undefined) {
      row = new Value<ConversationRow | null>(null);
      this.#rows.set(id, row);
      this.#followRow(id, row);
    }
    return row;
  }

  async refreshConversations(): Promise<void> {
    await this.#present().list.all();
  }

  members(id: ConversationId): Readable<MembersState> {
    return this.#present().members.of(id);
  }

  receipts(id: ConversationId): Readable<ReceiptsState> {
    return this.#present().receipts.of(id);
  }

  receiptsKnown(id: ConversationId): Readable<ReceiptsState> {
    return this.#present().receipts.known(id);
  }

  pins(id: ConversationId): Readable<PinsState> {
    return this.#present().pins.of(id);
  }

  timeline(id: ConversationId): Timeline {
    return this.#present().timeline(id);
  }

  thread(id: ConversationId, root: MessageRef): Thread {
    return this.#present().thread(id, root);
  }

  send(id: ConversationId, text: string, { replyTo, thread }: { replyTo?: MessageRef; thread?: MessageRef } = {}): Sending {
    const scope = this.#present();
    const sending = scope.outbox.send(id, text, replyTo ?? null, thread ?? null);
    scope.typing.stopped(id);
    return sending;
  }

  edit(id: ConversationId, message: MessageRef, text: string): Sending {
    const scope = this.#present();
    const sending = scope.outbox.edit(id, message, text);
    scope.typing.stopped(id);
    return sending;
  }

  delete(id: ConversationId, message: MessageRef): Sending {
    return this.#present().outbox.delete(id, message);
  }

  react(id: ConversationId, message: MessageRef, emoji: string, on: boolean): Sending {
    return this.#present().outbox.react(id, message, emoji, on);
  }

  pin(id: ConversationId, message: MessageRef, on: boolean): Sending {
    return this.#present().outbox.pin(id, message, on);
  }

  retry(clientId: ClientId): void {
    this.#scope?.outbox.retry(clientId);
  }

  discard(clientId: ClientId): void {
    this.#scope?.outbox.discard(clientId);
  }

  markRead(id: ConversationId, seq: Seq): void {
    this.#scope?.marks.move(id, seq);
  }

  async markUnread(id: ConversationId, from: Seq): Promise<void> {
    await this.#scope?.marks.markUnread(id, from);
  }

  async setForConversation(id: ConversationId, change: ConversationSettingsChange): Promise<void> {
    await this.#scope?.setForConversation(id, change);
  }

  present(active: boolean, conversationId: ConversationId | null): void {
    this.#scope?.presence.present(active, conversationId);
  }

  watch(people: readonly UserId[]): void {
    this.#scope?.presence.watch(people);
  }

  isTyping(id: ConversationId): void {
    this.#scope?.typing.isTyping(id);
  }

  stoppedTyping(id: ConversationId): void {
    this.#scope?.typing.stopped(id);
  }

  onEvent(listener: (event: ServerEvent) => void): () => void {
    return this.#events.on(listener);
  }

  onNotice(listener: (notice: Notice) => void): () => void {
    const off = this.#notices.on(listener);
    // What happened while opening is told to the first who asks.
    const early = this.#early ?? [];
    this.#early = null;
    for (const notice of early) listener(notice);
    return off;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const off of this.#off.splice(0)) off();
    await this.#draftDesk.flush();
    await this.#scope?.close();
    this.#leave();
    this.#bus.close();
    this.#store.close();
  }

  /** Stops at once, as a crash would: nothing is said or written. */
  abort(): void {
    this.#closed = true;
    for (const off of this.#off.splice(0)) off();
    this.#scope?.stop();
    this.#tokens?.close();
    this.#bus.close();
  }

  /** Told by the opener where the store that was wanted could not be had. */
  notice(notice: Notice): void {
    if (this.#early === null) this.#notices.emit(notice);
    else if (this.#early.length < MOST_EARLY) this.#early.push(notice);
  }

  /** What is not in the store yet is kept where no page takes it along. */
  #hurry(): void {
    const scope = this.#scope;
    if (scope === null) return;
    const writes = [...scope.outbox.unstored(), ...this.#draftDesk.unstored()];
    if (writes.length === 0) return;
    const arrived = scope.home.hurry({ writes });
    void Promise.all([scope.outbox.settled(), this.#draftDesk.flush()]).then(arrived);
  }

  #present(): Scope {
    if (this.#scope === null) throw noSession();
    return this.#scope;
  }

  async #enter(record: SessionRecord, fresh: TokenResponse | null): Promise<void> {
    if (this.#scope !== null) this.#leave();
    const keeper: SessionKeeper = this.#left === null ? this.#vault : new LeftKeeper(this.#left, record);
    this.#record = record;
    const tokens = new SessionTokens({
      session: record,
      rest: this.#open,
      keeper,
      bus: this.#bus,
      lockName: `relayhub:refresh:${this.#base}`,
      locks: this.#locks,
      fresh,
      ended: (reason) => void this.#end(record, reason),
    });
    this.#tokens = tokens;
    // The session's own: what it asks for has its token or none.
    const rest: SessionRest = new SessionRest(this.#base, tokens, this.#fetch, () => this.#effectsOf(scope));
    const scope = new Scope({
      session: record,
      store: this.#store,
      bus: this.#alone ? openBus('', false) : this.#bus,
      page: this.#page,
      rest,
      tokens,
      transport: this.#transport,
      settings: this.#settings,
      lockName: `relayhub:lead:${this.#base}`,
      locks: this.#alone ? null : this.#locks,
      tab: this.#tab,
      values: this.#values,
      connection: this.connection,
      typing: this.typing,
      presence: this.presence,
      userSettings: this.#settingsValue,
      scheduled: this.#scheduledValue,
      threads: this.#threadsValue,
      onNotice: (notice) => this.notice(notice),
      onEvent: (event) => this.#events.emit(event),
      onEnded: (reason) => void this.#end(record, reason),
      learn: (profiles) => this.#people.learn(profiles),
      wantPeople: (ids) => this.#people.want(ids),
      onProfileChanged: () => void this.#renewProfile().catch(() => undefined),
    });
    this.#scope = scope;
    if (this.#settingsWanted) scope.settings.want();
    if (this.#scheduledWanted) scope.scheduled.want();
    if (this.#threadsWanted) scope.threads.want();
    this.connection.set({ state: 'connecting', sinceMs: Date.now(), retryAtMs: null, reason: null });
    this.session.set({ status: 'in', session: shown(record) });
    this.#draftDesk.use(scope.home, (drafts) => scope.drafts.stored(drafts));
    this.#people.use(scope.home, rest);
    this.#people.learn([{ user_id: record.userId, handle: record.handle, display_name: record.displayName }]);
    await scope.start();
    for (const [id, row] of this.#rows) this.#followRow(id, row);
  }

  /** What calls of one session change. When it is over, nothing. */
  #effectsOf(scope: Scope | null): RestEffects {
    return {
      touched: async (id) => scope?.list.want(new Set([id])),
      gone: async (id) => scope?.drop(id).catch(() => undefined),
      invitations: async () => scope?.invitations.refresh().catch(() => undefined),
      marksTold: async () => scope?.marks.allTold().catch(() => undefined),
      settings: (settings) => scope?.settings.take(settings),
      scheduled: async () => scope?.scheduled.refresh().catch(() => undefined),
      profile: async (profile) => {
        if (scope !== null && scope === this.#scope) await this.#takeProfile(profile);
      },
    };
  }

  /** Stops what the session has here; the store stays as it is. */
  #leave(): void {
    this.#scope?.stop();
    this.#scope = null;
    this.#tokens?.close();
    this.#tokens = null;
    this.#record = null;
    this.#draftDesk.use(null);
    this.#people.use(null, null);
    this.connection.set({ ...STOPPED, sinceMs: Date.now() });
  }

  /** A session is over: everything local of it goes, in every tab. Another one that has begun meanwhile stays. */
  async #end(record: SessionRecord, reason: string): Promise<void> {
    if (this.#record?.sessionId !== record.sessionId) return;
    this.#leave();
    this.session.set({ status: 'out', reason });
    let wiped = await this.#vault.wipe(record.sessionId).catch(() => false);
    if (!this.#store.persistent) wiped = (await this.#wipeLeft(record.sessionId)) || wiped;
    if (wiped) this.#bus.post({ is: 'session', reason });
  }

  /** What a store that failed still holds goes as well. Whether it was this session's. */
  async #wipeLeft(sessionId: string): Promise<boolean> {
    try {
      if (this.#left !== null) return await this.#left.wipe(sessionId);
    } catch {
      // It takes no write any more: all of it goes, below.
    }
    await this.#eraseStore?.();
    return true;
  }

  /** Another tab logged in or out. */
  async #follow(reason: string | null): Promise<void> {
    if (this.#alone || this.#closed) return;
    const before = this.#record;
    const record = await this.#vault.read();
    if (this.#closed) return;
    // Somebody logged in or out here meanwhile: what was read may be older.
    if (before?.sessionId !== this.#record?.sessionId) return this.#follow(reason);
    if (record?.sessionId === this.#record?.sessionId) {
      if (record !== null && this.#record !== null) this.#showNames(record);
      return;
    }
    this.#leave();
    if (record === null) this.session.set({ status: 'out', reason: reason ?? 'logged_out' });
    else await this.#enter(record, null);
  }

  #showNames(record: SessionRecord): void {
    if (record.handle === this.#record?.handle && record.displayName === this.#record.displayName) return;
    this.#record = record;
    this.session.set({ status: 'in', session: shown(record) });
  }

  async #renewProfile(): Promise<void> {
    if (this.#record !== null) await this.#takeProfile(await this.api.me());
  }

  async #takeProfile(profile: UserProfile): Promise<void> {
    const record = this.#record;
    if (record === null || record.userId !== profile.user_id) return;
    this.#people.learn([profile]);
    this.#showNames({ ...record, handle: profile.handle, displayName: profile.display_name });
    // It is on the screen; the store's failure is told elsewhere.
    await this.#vault.rename(record.sessionId, profile.handle, profile.display_name).catch(() => undefined);
    this.#bus.post({ is: 'session', reason: null });
  }

  #followRow(id: ConversationId, row: Value<ConversationRow | null>): void {
    const own = this.#scope?.mirror.row(id);
    row.set(own?.get() ?? null);
    own?.subscribe(() => row.set(own.get()));
  }

  #watch(store: Store): void {
    this.#off.push(store.onFailure((why) => void this.#storeFailed(store, why)));
  }

  /** Goes on from memory. Messages that wait and drafts come along; the rest is read again over REST. */
  async #storeFailed(store: Store, why: StoreFailure): Promise<void> {
    if (store !== this.#store || this.#closed) return;
    if (why === 'outdated') {
      // The store lets go of the newer build as soon as this is in it.
      void this.#draftDesk.flush();
      this.#leave();
      this.connection.set({ ...STOPPED, sinceMs: Date.now(), reason: 'outdated' });
      this.notice({ kind: 'outdated' });
      return;
    }
    const left = this.#vault;
    const outbox: readonly OutboxRecord[] = [...(this.#scope?.mirror.outbox ?? [])];
    const drafts = [...this.drafts.get()];
    const memory = new MemoryStore();
    this.#store = memory;
    this.#vault = new Vault(memory);
    this.#alone = true;
    this.#left = left;
    let record = this.#record;
    this.#leave();
    this.notice({ kind: 'memory_only', why });
    if (record === null) return;
    // A full disk can still be read, and another tab may have renewed the token since.
    const stored = await left.read().catch(() => null);
    if (this.#record !== null || this.#closed) return;
    if (stored?.sessionId === record.sessionId) record = stored;
    await this.#vault.begin(record);
    await memory.transaction(['outbox', 'drafts'], { write: true }, async (tx) => {
      for (const waiting of outbox) tx.put('outbox', waiting.clientId, { ...waiting, tab: this.#tab });
      for (const [id, text] of drafts) tx.put('drafts', id, [id, text]);
    });
    if (this.#record !== null || this.#closed) return;
    await this.#enter(record, null);
  }
}

function shown({ userId, sessionId, handle, displayName }: SessionRecord): {
  userId: string;
  sessionId: string;
  handle: string;
  displayName: string;
} {
  return { userId, sessionId, handle, displayName };
}
