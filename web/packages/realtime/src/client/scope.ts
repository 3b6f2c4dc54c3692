import type { TypingState } from '../api/client.ts';
import type { ConnectionState, Notice } from '../api/connection.ts';
import type { ConversationSettingsChange } from '../api/conversations.ts';
import type { ConversationId, MessageId, Seq } from '../api/ids.ts';
import type { MessageRef } from '../api/messages.ts';
import type { PresenceState } from '../api/presence.ts';
import type { Settings as UserSettings } from '../api/receipts.ts';
import type { ScheduledMessage } from '../api/scheduled.ts';
import type { ThreadsState } from '../api/threads.ts';
import { Engine } from '../engine/engine.ts';
import type { Settings } from '../engine/settings.ts';
import type { RestClient } from '../rest/client.ts';
import type { AccessTokens } from '../rest/fetch.ts';
import type { SyncAnswer, UserProfile } from '../rest/types.ts';
import { Applier, isFenced } from '../state/applier.ts';
import { DraftSync } from '../state/draft-sync.ts';
import { HistorySource } from '../state/history-source.ts';
import { Home } from '../state/home.ts';
import { Housekeeping } from '../state/housekeeping.ts';
import { InvitationSync } from '../state/invitations.ts';
import { ListSync } from '../state/list-sync.ts';
import { MemberDesk } from '../state/members.ts';
import { Mirror, type Values } from '../state/mirror.ts';
import { OutboxDesk } from '../state/outbox-desk.ts';
import { Peers } from '../state/peers.ts';
import { PinDesk } from '../state/pins.ts';
import { PresenceDesk } from '../state/presence.ts';
import { ReadMarks } from '../state/read-marks.ts';
import { ReceiptDesk } from '../state/receipts.ts';
import type { SessionRecord } from '../state/records.ts';
import { ScheduledDesk } from '../state/scheduled.ts';
import { setForConversation } from '../state/set-for.ts';
import { SettingsDesk } from '../state/settings.ts';
import { ThreadView } from '../state/thread-view.ts';
import { ThreadsDesk } from '../state/threads.ts';
import { TimelineView } from '../state/timeline.ts';
import { TypingDesk } from '../state/typing.ts';
import type { Store } from '../store/store.ts';
import type { Bus, TabMessage } from '../tabs/bus.ts';
import { Leadership } from '../tabs/leadership.ts';
import type { Page } from '../tabs/page.ts';
import type { Transport } from '../transport/transport.ts';
import { ServerClock } from '../util/clock.ts';
import { Timer } from '../util/timer.ts';
import type { Value } from '../util/value.ts';
import { isKnownEvent, type ServerEvent } from '../wire/events.ts';

/** Milliseconds in which other tabs say that they live, and between two such questions, where each sends its own messages. */
const ROLL_CALL_MS = 700;
const ROLL_CALL_EVERY_MS = 20_000;

/** What one session works with. */
export interface ScopeParts {
  readonly session: SessionRecord;
  readonly store: Store;
  readonly bus: Bus;
  readonly page: Page;
  readonly rest: RestClient;
  readonly tokens: AccessTokens;
  readonly transport: Transport;
  readonly settings: Settings;
  readonly lockName: string;
  /** Null where each tab works by itself. */
  readonly locks: LockManager | null;
  readonly tab: string;
  readonly values: Values;
  readonly connection: Value<ConnectionState>;
  readonly typing: Value<TypingState>;
  readonly presence: Value<PresenceState>;
  readonly userSettings: Value<UserSettings | null>;
  readonly scheduled: Value<readonly ScheduledMessage[] | null>;
  readonly threads: Value<ThreadsState | null>;
  onNotice(notice: Notice): void;
  onEvent(event: ServerEvent): void;
  /** The server ended the session. */
  onEnded(reason: string): void;
  /** Profiles that came with something else. */
  learn(profiles: readonly UserProfile[]): void;
  /** Profiles that are worth asking for. */
  wantPeople(ids: readonly string[]): void;
  /** The person's profile changed. */
  onProfileChanged(): void;
}

/** Everything that lives as long as one session does in this tab. */
export class Scope {
  readonly home: Home;
  readonly mirror: Mirror;
  readonly outbox: OutboxDesk;
  readonly marks: ReadMarks;
  readonly typing: TypingDesk;
  readonly presence: PresenceDesk;
  readonly list: ListSync;
  readonly invitations: InvitationSync;
  readonly members: MemberDesk;
  readonly peers: Peers;
  readonly pins: PinDesk;
  readonly receipts: ReceiptDesk;
  readonly settings: SettingsDesk;
  readonly drafts: DraftSync;
  readonly scheduled: ScheduledDesk;
  readonly threads: ThreadsDesk;
  readonly #parts: ScopeParts;
  readonly #clock = new ServerClock();
  readonly #housekeeping: Housekeeping;
  readonly #leadership: Leadership;
  readonly #timelines = new Set<TimelineView>();
  readonly #threads = new Set<ThreadView>();
  readonly #off: (() => void)[] = [];
  readonly #rollCall = new Timer();
  readonly #alive = new Set<string>();
  #engine: Engine | null = null;
  #applier: Applier | null = null;
  #term = 0;
  /** What came could not be stored, for no reason of the store's. */
  #failed = false;
  #closed = false;

  constructor(parts: ScopeParts) {
    this.#parts = parts;
    const { session, store, bus, rest, tab, values, settings } = parts;
    this.home = new Home(store, session.sessionId, bus);
    this.mirror = new Mirror(session.userId, values);
    const home = this.home;
    const mirror = this.mirror;
    this.outbox = new OutboxDesk({
      home,
      mirror,
      clock: this.#clock,
      tab,
      limit: settings.outboxLimit,
      forAll: parts.locks !== null || !store.shared,
    });
    this.marks = new ReadMarks(home, mirror, rest);
    this.list = new ListSync(
      home,
      rest,
      () => this.#tellMarks(),
      (answer) => this.#synced(answer),
    );
    this.invitations = new InvitationSync(home, rest);
    this.peers = new Peers(home, mirror);
    this.members = new MemberDesk({ home, rest, me: session.userId, learn: parts.learn });
    this.pins = new PinDesk({ rest, me: session.userId });
    this.receipts = new ReceiptDesk({ home, rest, me: session.userId });
    this.settings = new SettingsDesk(parts.userSettings, home, rest);
    this.drafts = new DraftSync(home, rest);
    this.scheduled = new ScheduledDesk(parts.scheduled, rest);
    this.threads = new ThreadsDesk(parts.threads, rest, session.userId);
    this.#housekeeping = new Housekeeping(home);
    this.typing = new TypingDesk(parts.typing, this.#clock, (conversationId, typing) =>
      bus.post({ is: 'type', sessionId: session.sessionId, tab, conversationId, typing }),
    );
    this.presence = new PresenceDesk(parts.presence, (want) => bus.post({ is: 'present', sessionId: session.sessionId, tab, want }));
    this.#leadership = new Leadership(parts.lockName, bus, parts.page, { begin: () => this.#begin(), end: () => this.#end() }, parts.locks);
    this.#off.push(
      bus.on((message) => this.#hear(message)),
      mirror.onChange((change) => {
        this.typing.heed(change);
        this.members.heed(change);
        this.receipts.heed(change);
        this.pins.heed(change);
        this.settings.heed(change);
        // One tab reads for all.
        if (this.#engine !== null) this.drafts.heed(change);
        this.scheduled.heed(change);
        this.threads.heed(change);
        // Marks of another log are places in it.
        if (change.newLog) this.marks.stop();
        if (change.outbox?.length) this.#engine?.fill();
        for (const event of change.events ?? []) parts.onEvent(event);
        if (change.reset !== undefined) parts.onNotice({ kind: 'reset', reason: change.reset });
      }),
      parts.connection.subscribe(() => {
        if (parts.connection.get().state !== 'live') {
          this.presence.forget();
          return;
        }
        this.presence.renew();
        for (const view of [...this.#timelines, ...this.#threads]) view.wake();
        this.members.wake();
        this.receipts.wake();
        this.pins.wake();
        this.settings.wake();
        this.scheduled.wake();
        this.threads.wake();
      }),
      parts.page.onWake(() => this.#engine?.wake()),
      parts.page.onLeave(() => this.marks.flush()),
      parts.page.onReturn(() => void this.mirror.reload(store).catch(() => undefined)),
    );
  }

  /** Reads the store and takes part in the election. Waits for no network. */
  async start(): Promise<void> {
    await this.mirror.load(this.#parts.store);
    if (this.#closed) return;
    this.#leadership.start();
    this.#parts.bus.post({ is: 'state?' });
    if (this.#parts.locks === null && this.#parts.store.shared) this.#callRoll();
  }

  timeline(id: ConversationId): TimelineView {
    const source = new HistorySource(this.home, this.#parts.rest, id);
    const view = new TimelineView(id, this.mirror, source, (closed) => this.#timelines.delete(closed));
    this.#timelines.add(view);
    return view;
  }

  thread(id: ConversationId, root: MessageRef): ThreadView {
    const source = new HistorySource(this.home, this.#parts.rest, id);
    const onClose = (closed: ThreadView): boolean => this.#threads.delete(closed);
    const onRead = (of: MessageId, seq: Seq): void => this.threads.read(of, seq);
    const view = new ThreadView(id, root, { mirror: this.mirror, rest: this.#parts.rest, source, onClose, onRead });
    this.#threads.add(view);
    return view;
  }

  retryNow(): void {
    this.#parts.bus.post({ is: 'retry_now', tab: this.#parts.tab });
  }

  setForConversation(id: ConversationId, change: ConversationSettingsChange): Promise<void> {
    return setForConversation(this.home, this.#parts.rest, id, change);
  }

  /** Takes a conversation off the list, for what no event tells. */
  async drop(id: ConversationId): Promise<void> {
    await this.home.transaction(['conversations'], { write: true }, async (tx) => tx.delete('conversations', id));
    this.home.publish({ removed: [id] });
  }

  /** Says goodbye to the gateway and stops; the store stays as it is. */
  async close(): Promise<void> {
    const engine = this.#engine;
    this.#engine = null;
    await engine?.close();
    await this.#applier?.settled();
    this.stop();
  }

  /** Stops at once: nothing is sent or written after this. */
  stop(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const off of this.#off.splice(0)) off();
    this.#leadership.stop();
    this.#rollCall.stop();
    this.#end();
    for (const view of [...this.#timelines, ...this.#threads]) view.empty();
    this.list.stop();
    this.invitations.stop();
    this.members.stop();
    this.receipts.stop();
    this.pins.stop();
    this.settings.stop();
    this.drafts.stop();
    this.scheduled.stop();
    this.threads.stop();
    this.marks.stop();
    this.typing.stop();
    this.presence.stop();
    this.outbox.close();
    this.mirror.close();
  }

  /** Finds out which tabs live, and sends what the others left behind. */
  #callRoll(): void {
    this.#alive.clear();
    this.#parts.bus.post({ is: 'state?' });
    this.#rollCall.start(ROLL_CALL_MS, () => {
      this.outbox.adopt(this.#alive);
      this.#rollCall.start(ROLL_CALL_EVERY_MS, () => this.#callRoll());
    });
  }

  async #begin(): Promise<number> {
    const { term, position } = await this.home.transaction(['meta'], { write: true, strict: true }, async (tx) => {
      const next = (((await tx.get('meta', 'term')) as number | undefined) ?? 0) + 1;
      tx.put('meta', 'term', next);
      return { term: next, position: ((await tx.get('meta', 'position')) as string | undefined) ?? null };
    });
    if (this.#closed) return term;
    this.#term = term;
    const { session, tokens, transport, settings, bus, tab, locks } = this.#parts;
    const applier = new Applier(
      {
        home: this.home,
        me: session.userId,
        // Without locks several tabs write; what they write is the same.
        term: locks === null ? undefined : term,
        onStored: () => this.#engine?.storedMore(),
        onUnknown: (ids) => void this.list.want(ids),
        onReset: () => this.list.keepTrying(),
        onOver: (error) => this.#over(error),
      },
      position,
    );
    this.#applier = applier;
    this.#engine = new Engine(
      {
        settings,
        transport,
        tokens,
        sink: applier,
        outbox: this.outbox,
        clock: this.#clock,
        onState: (connection) => this.#tell(connection),
        onWelcome: (welcome) => {
          if (welcome.user_id !== session.userId) this.#end();
        },
        onCaughtUp: () => this.#refresh(),
        onGap: () => undefined,
        onTyping: (frame) => bus.post({ is: 'typing', sessionId: session.sessionId, tab, frame }),
        onReceipts: (frame) => bus.post({ is: 'receipts', sessionId: session.sessionId, tab, frame }),
        onPresence: (frame) => bus.post({ is: 'presence', sessionId: session.sessionId, tab, frame }),
        onNotice: ({ code, message }) => this.#parts.onNotice({ kind: 'server', code, message }),
        onStopped: (reason) => {
          if (reason === 'session_revoked') this.#parts.onEnded(reason);
        },
      },
      position,
    );
    this.#engine.start();
    this.#housekeeping.start();
    return term;
  }

  /** Nothing more is stored. Where another tab or session took over, it goes on there; else it has to be said. */
  #over(error: unknown): void {
    this.#end();
    if (this.#closed || isFenced(error)) return;
    this.#failed = true;
    this.#tell({ state: 'stopped', sinceMs: Date.now(), retryAtMs: null, reason: 'store' });
    this.#parts.onNotice({ kind: 'stopped', reason: 'store', error });
    // Another tab may be better off.
    this.#leadership.stop();
  }

  /** The person asked for it: takes part in the election again after a failure. */
  #tryAgain(): void {
    if (!this.#failed) return;
    this.#failed = false;
    this.#leadership.start();
  }

  #tell(connection: ConnectionState): void {
    const { bus, tab, session } = this.#parts;
    bus.post({ is: 'state', sessionId: session.sessionId, tab, term: this.#term, connection, clock: this.#clock.heard });
  }

  #end(): void {
    this.#housekeeping.stop();
    this.#applier?.stop();
    this.#engine?.abort();
    this.#applier = null;
    this.#engine = null;
  }

  #tellMarks(): void {
    void this.marks.tellRest().catch(() => undefined);
  }

  /** What no event tells is read again after each connection. */
  #refresh(): void {
    this.#tellMarks();
    this.list.catchUp();
    this.#parts.wantPeople(this.peers.wanted);
  }

  /** What came with the list. A server of before is asked for each by itself. */
  #synced(answer: SyncAnswer | null): void {
    if (this.#engine === null) return;
    void this.drafts.catchUp(answer).catch(() => undefined);
    void this.invitations.heed(answer);
  }

  #hear(message: TabMessage): void {
    const { tab, locks, connection, session } = this.#parts;
    if ('tab' in message) this.#alive.add(message.tab);
    // Without locks every tab has its own socket, and others' are none of its business.
    if ('tab' in message && locks === null && message.tab !== tab) return;
    // A tab that has not heard yet of the log-in here still tells what is another person's.
    if ('sessionId' in message && message.sessionId !== session.sessionId) return;
    switch (message.is) {
      case 'change':
        this.mirror.apply(message.change);
        for (const event of message.change.events ?? []) this.#hearPersonal(event);
        break;
      case 'state':
        if (message.term < this.#term) return;
        this.#term = message.term;
        if (message.clock !== null) this.#clock.hear(message.clock.serverMs, message.clock.atMs);
        connection.set(message.connection);
        break;
      case 'state?':
        if (this.#engine !== null) this.#tell(connection.get());
        break;
      case 'typing':
        this.typing.hear(message.frame);
        break;
      case 'receipts':
        this.receipts.hear(message.frame);
        break;
      case 'presence':
        this.presence.hear(message.frame);
        break;
      case 'present':
        this.#engine?.present(message.tab, message.want);
        break;
      case 'type':
        this.#engine?.type(message.conversationId, message.typing);
        break;
      case 'retry_now':
        this.#engine?.wake();
        this.#tryAgain();
        break;
    }
  }

  /** Events about the person say that something changed; what, is asked for by the tab that has the socket. */
  #hearPersonal(event: ServerEvent): void {
    if (this.#engine === null || !isKnownEvent(event)) return;
    if (event.type === 'CONVERSATION_INVITED' || event.type === 'INVITATION_ENDED') this.invitations.want();
    if (event.type === 'PROFILE_CHANGED') this.#parts.onProfileChanged();
  }
}
