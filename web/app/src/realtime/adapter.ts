import type * as sdk from '@relayhub/realtime';
import { ApiError, RealtimeClient } from '@relayhub/realtime';
import type { Configuration } from '@/api/configuration';
import { t } from '@/app/i18n/i18n';
import { deviceKind, deviceName } from '@/auth/strength';
import type { MessageRef, TimelineItem } from '@/types';
import {
  bodyOf,
  conversationOf,
  detailsOf,
  foundOf,
  invitationOf,
  itemsOf,
  membersOf as members,
  messageOf,
  personOf,
  pinsOf,
  quotedOf,
  scheduledOf,
  threadsOf,
} from './convert';
import { derived } from './derived';
import {
  type Connection,
  type Drafts,
  type Members,
  type Messenger,
  Refusal,
  type SessionState,
  type Store,
  type Thread,
  type ThreadState,
  type Timeline,
  type TimelineState,
} from './messenger';

/** Does a call of the SDK, and says its refusal in the words of the screens. */
async function call<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw worded(error);
  }
}

/** The same for what is done at once. */
function refusing<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw worded(error);
  }
}

function worded(error: unknown): unknown {
  return error instanceof ApiError ? new Refusal(error.code, error.message, error.retryAfterMs) : error;
}

/** Opens the SDK and gives the screens what they ask for. Never waits for the network. */
export async function openMessenger(configuration: Configuration): Promise<Messenger> {
  const client = await RealtimeClient.open({
    apiBase: configuration.api || location.origin,
    gateways: configuration.gateways,
  });
  const { api } = client;
  const session = derived(client.session, (state): SessionState => {
    if (state.status === 'out') return { status: 'out', reason: state.reason };
    const { userId, sessionId, handle, displayName } = state.session;
    return { status: 'in', session: { sessionId, me: { id: userId, handle, name: displayName } } };
  });
  const unnamed = () => t('person.unknown');
  return {
    session,
    connection: derived(client.connection, troubleSince()),
    conversations: derived(client.conversations, (rows) => rows.map((row) => conversationOf(row, unnamed))),
    requests: derived(client.requests, (rows) => rows.map((row) => conversationOf(row, unnamed))),
    invitations: derived(client.invitations, (rows) => rows.map((row) => invitationOf(row, unnamed))),
    drafts: client.drafts as { get(): Drafts; subscribe(changed: () => void): () => void },
    people: derived(client.users, (users) => new Map([...users].map(([id, user]) => [id, personOf(user)]))),
    typing: client.typing,
    readReceipts: derived(client.settings, (settings) => settings?.readReceipts ?? null),

    signUp: ({ handle, name, password }) => call(client.signUp({ handle, displayName: name, password, ...device() })),
    logIn: ({ handle, password }) => call(client.logIn({ handle, password, ...device() })),
    logOut: () => call(client.logOut()),
    changePassword: (current, next) => call(api.changePassword(current, next)),
    changeName: async (name) => {
      await call(api.changeProfile(name));
    },
    devices: async () =>
      (await call(api.sessions())).map((device) => ({
        id: device.session_id,
        name: device.device_name,
        createdMs: device.created_at_ms,
        lastUsedMs: device.last_used_at_ms,
        current: device.current,
      })),
    endDevice: (id) => call(api.endSession(id)),

    retryNow: () => client.retryNow(),
    timeline: (id) => timelineOf(client, id),
    thread: (id, root) => threadOf(client, id, root),
    threads: derived(client.threads, (state) => state && threadsOf(state)),
    send: (id, text, replyTo, thread) => {
      // A refusal by the server shows at the message itself.
      refusing(() => client.send(id, text, { ...(replyTo ? { replyTo } : {}), ...(thread ? { thread } : {}) })).acknowledged.catch(
        () => undefined,
      );
    },
    edit: (id, message, text) => {
      client.edit(id, message, text).acknowledged.catch(() => undefined);
    },
    deleteMessage: (id, message) => {
      refusing(() => client.delete(id, message)).acknowledged.catch(() => undefined);
    },
    react: async (id, message, emoji, on) => {
      await call(refusing(() => client.react(id, message, emoji, on)).acknowledged);
    },
    reactors: async (id, messageId) => {
      const { reactions, next } = await call(api.reactions(id, messageId, { limit: 100 }));
      return { reactions: reactions.map(({ user_id, emoji }) => ({ personId: user_id, emoji })), more: next != null };
    },
    pin: async (id, message, on) => {
      await call(refusing(() => client.pin(id, message, on)).acknowledged);
    },
    pins: (id) => derived(client.pins(id), pinsOf),
    hideMessage: (id, messageId) => call(api.hideMessage(id, messageId)),
    revisions: async (id, messageId) =>
      (await call(api.revisions(id, messageId))).revisions.map(({ seq, at_ms, body }) => ({ seq, atMs: at_ms, body: bodyOf(body) })),
    details: async (id, messageId) => detailsOf(await call(api.messageReceipts(id, messageId))),
    search: async (text, conversationId, cursor) =>
      foundOf(await call(api.search(text, { ...(conversationId ? { in: conversationId } : {}), ...(cursor ? { cursor } : {}) }))),
    readers: async (id, messageId) => {
      const { readers, next_cursor } = await call(api.readers(id, messageId));
      return { people: readers.map(personOf), more: next_cursor != null };
    },
    retry: (clientId) => client.retry(clientId),
    discard: (clientId) => client.discard(clientId),
    unsentCount: () => client.outbox.get().length,
    markRead: (id, seq) => client.markRead(id, seq),
    markUnread: (id, from) => call(client.markUnread(id, from)),
    setForConversation: (id, change) => call(client.setForConversation(id, change)),
    setDraft: (id, text) => client.drafts.set(id, text),
    isTyping: (id) => client.isTyping(id),
    wantPeople: (ids) => client.users.want(ids),
    presence: client.presence,
    present: (active, id) => client.present(active, id),
    watch: (ids) => client.watch(ids),
    presenceSettings: derived(client.settings, (settings) => settings),
    setPresence: async (change) => {
      await call(api.changeSettings(change));
    },

    scheduled: derived(client.scheduled, (scheduled) => scheduled?.map(scheduledOf) ?? null),
    schedule: async (id, key, text, atMs, replyTo) => {
      const body = { type: 'text' as const, text };
      const timeZone = Intl.DateTimeFormat().resolvedOptions().timeZone;
      await call(api.schedule(id, key, { body, sendAtMs: atMs, timeZone, ...(replyTo ? { replyTo } : {}) }));
    },
    cancelScheduled: (id, key) => call(api.cancelScheduled(id, key)),

    findPerson: async (handle) => {
      try {
        return personOf(await call(api.findUser(handle)));
      } catch (error) {
        if (error instanceof Refusal && error.code === 'unknown_user') return null;
        throw error;
      }
    },
    openDirect: async (personId) => {
      const { conversation_id } = await call(api.openDirect(personId));
      return conversation_id;
    },
    createGroup: async (title, memberIds, key) => {
      const { conversation_id } = await call(api.createGroup(title, memberIds, key));
      return conversation_id;
    },
    members: (id) => membersOf(client, id),
    receipts: (id, known) => (known ? client.receiptsKnown(id) : client.receipts(id)),
    setReadReceipts: async (on) => {
      await call(api.changeSettings({ readReceipts: on }));
    },
    invite: async (id, ids) => {
      const answer = await call(api.addMembers(id, ids));
      return { added: answer.added.length, invited: answer.invited.length };
    },
    rename: (id, title) => call(api.rename(id, title)),
    setRole: (id, personId, role) => call(api.setRole(id, personId, role)),
    removeMember: (id, personId) => call(api.removeMember(id, personId)),
    accept: (id) => call(api.accept(id)),
    decline: (id) => call(api.decline(id)),
  };
}

function membersOf(client: RealtimeClient, id: string): Store<Members> {
  return derived(client.members(id), members);
}

function timelineOf(client: RealtimeClient, id: string): Timeline {
  const timeline = client.timeline(id);
  // That a direct conversation began is no news to either of the two; what they pinned is.
  const concernsTwo = (item: TimelineItem) => item.kind === 'message' || item.change.type === 'pinned';
  const shownItems = (items: readonly TimelineItem[]) =>
    client.conversation(id).get()?.kind === 'direct' ? items.filter(concernsTwo) : items;
  const shown = derived(
    timeline,
    (state): TimelineState => ({
      items: shownItems(itemsOf(state.items)),
      quoted: quotedOf(state.quoted),
      hasOlder: state.hasOlder,
      hasNewer: state.hasNewer,
      opening: state.opening,
      error: state.error?.code ?? null,
    }),
  );
  // What fails is said in the state and tried again: the callers have nothing to add.
  const quietly = (work: Promise<void>) => work.catch(() => undefined);
  return {
    ...shown,
    loadOlder: () => quietly(timeline.loadOlder()),
    loadNewer: () => quietly(timeline.loadNewer()),
    jumpToEnd: () => quietly(timeline.jumpToEnd()),
    follow: (end) => timeline.follow(end),
    jumpTo: (place) => timeline.jumpTo(place).catch(() => null),
    close: () => timeline.close(),
  };
}

function threadOf(client: RealtimeClient, id: string, root: MessageRef): Thread {
  const thread = client.thread(id, root);
  const shown = derived(
    thread,
    (state): ThreadState => ({
      ...state,
      root: state.root && messageOf(state.root),
      items: state.items.map(messageOf),
      quoted: quotedOf(state.quoted),
      error: state.error?.code ?? null,
    }),
  );
  return {
    ...shown,
    loadOlder: () => thread.loadOlder().catch(() => undefined),
    markRead: (seq) => thread.markRead(seq),
    follow: (following) => call(thread.follow(following)),
    close: () => thread.close(),
  };
}

/** Attempts come and go; what a person waits for is the time since it last worked. */
function troubleSince(): (now: sdk.ConnectionState) => Connection {
  let since: number | null = null;
  return ({ state, sinceMs, reason }) => {
    since = state === 'live' ? null : (since ?? sinceMs);
    return { state, sinceMs: since ?? sinceMs, reason };
  };
}

/** What log-in says of this device. */
const device = () => ({ deviceName: deviceName(), deviceKind: deviceKind() });
