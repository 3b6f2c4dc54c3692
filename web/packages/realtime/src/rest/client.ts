import createClient, { type Client } from 'openapi-fetch';
import type { ConversationSettings, ConversationSettingsChange } from '../api/conversations.ts';
import type { ApiError } from '../api/errors.ts';
import type { ClientId, ConversationId, MessageId, Seq, SessionId, UserId } from '../api/ids.ts';
import type { MessageBody } from '../api/messages.ts';
import type { Settings } from '../api/receipts.ts';
import type { Schedule, ScheduledMessage } from '../api/scheduled.ts';
import type { paths } from '../generated/openapi.ts';
import { fetchWithTokens, type TokenSource } from './fetch.ts';
import { isProblem, refused, unexpected } from './problems.ts';
import { settingsFor } from './settings.ts';
import type {
  AddedMembers,
  Conversation,
  ConversationListItem,
  ConversationReceipts,
  DeviceSession,
  Draft,
  DraftVersion,
  InvitationRow,
  MemberList,
  MessageAck,
  MessagePage,
  MessageReceipts,
  PinList,
  ReactionList,
  ReaderList,
  RestMessage,
  RestScheduled,
  RevisionList,
  SearchPage,
  SyncAnswer,
  ThreadList,
  ThreadPage,
  TokenResponse,
  UserProfile,
} from './types.ts';

/** Which part of a history. `before` and `after` are places; without either the newest page comes. */
export interface HistoryQuery {
  before?: Seq;
  after?: Seq;
  /** 1 to 200 messages and changes. */
  limit?: number;
  signal?: AbortSignal;
}

/** A page of the list. */
export interface ConversationPage {
  conversations: ConversationListItem[];
  /** Hand back for the next page; null on the last. */
  next: string | null;
}

/**
 * The REST API. Every method rejects with an {@link ApiError}; changes answer when they are in the log and may be repeated
 * after a retryable one.
 */
export class RestClient {
  /** Every operation of the OpenAPI document, for what has no method here. Errors are in the answer, not thrown. */
  readonly raw: Client<paths>;

  constructor(base: string, tokens: TokenSource, fetch: typeof globalThis.fetch) {
    this.raw = createClient<paths>({ baseUrl: base, fetch: fetchWithTokens(base, fetch, tokens) });
  }

  register(handle: string, displayName: string, password: string): Promise<UserProfile> {
    return data(this.raw.POST('/v1/auth/register', { body: { handle, display_name: displayName, password } }));
  }

  logIn(handle: string, password: string, deviceName: string, deviceKind?: string): Promise<TokenResponse> {
    const body = { handle, password, device_name: deviceName, ...(deviceKind === undefined ? {} : { device_kind: deviceKind }) };
    return data(this.raw.POST('/v1/auth/login', { body }));
  }

  /** Exchanges a refresh token. Use {@link RealtimeClient} instead, where exactly one tab does so at a time. */
  refresh(refreshToken: string): Promise<TokenResponse> {
    return data(this.raw.POST('/v1/auth/refresh', { body: { refresh_token: refreshToken } }));
  }

  /** Ends the caller's session. Its sockets close. */
  logOut(): Promise<void> {
    return done(this.raw.POST('/v1/auth/logout'));
  }

  /** Changes the password and ends the caller's other sessions. */
  changePassword(current: string, next: string): Promise<void> {
    return done(this.raw.POST('/v1/auth/password', { body: { current_password: current, new_password: next } }));
  }

  async sessions(): Promise<DeviceSession[]> {
    return (await data(this.raw.GET('/v1/auth/sessions'))).sessions;
  }

  endSession(id: SessionId): Promise<void> {
    return done(this.raw.DELETE('/v1/auth/sessions/{id}', { params: { path: { id } } }));
  }

  /** Ends all sessions, the caller's too. */
  endAllSessions(): Promise<void> {
    return done(this.raw.DELETE('/v1/auth/sessions'));
  }

  me(): Promise<UserProfile> {
    return data(this.raw.GET('/v1/users/me'));
  }

  /** Changes the name under which others see the caller; their devices are told. */
  changeProfile(displayName: string): Promise<UserProfile> {
    return data(this.raw.PATCH('/v1/users/me', { body: { display_name: displayName } }));
  }

  /** The user with exactly this handle; rejects with `unknown_user`. */
  findUser(handle: string): Promise<UserProfile> {
    return data(this.raw.GET('/v1/users', { params: { query: { handle } } }));
  }

  /** Up to 500 users; unknown ids are left out. */
  async users(ids: readonly UserId[]): Promise<UserProfile[]> {
    return (await data(this.raw.POST('/v1/users/lookup', { body: { user_ids: [...ids] } }))).users;
  }

  /** A part of the caller's list, the most recently active first; what is pinned, the last pinned first. */
  async conversations(
    query: { state?: 'accepted' | 'request'; archived?: boolean; pinned?: boolean; cursor?: string; limit?: number } = {},
  ): Promise<ConversationPage> {
    const page = await data(this.raw.GET('/v1/users/{id}/conversations', { params: { path: { id: 'me' }, query } }));
    return { conversations: page.conversations, next: page.next_cursor ?? null };
  }

  conversation(id: ConversationId): Promise<Conversation> {
    return data(this.raw.GET('/v1/conversations/{id}', { params: { path: { id } } }));
  }

  /** The one direct conversation with a person; made if there is none. */
  openDirect(userId: UserId): Promise<Conversation> {
    return data(this.raw.POST('/v1/conversations', { body: { kind: 'direct', user_id: userId } }));
  }

  /** Makes a group. A group with the same `key` exists once: a key makes it safe to repeat. */
  createGroup(title: string, memberIds: readonly UserId[], key?: string): Promise<Conversation> {
    const body = { kind: 'group' as const, title, member_ids: [...memberIds] };
    return data(this.raw.POST('/v1/conversations', { body: key === undefined ? body : { ...body, client_key: key } }));
  }

  rename(id: ConversationId, title: string): Promise<void> {
    return done(this.raw.PATCH('/v1/conversations/{id}', { params: { path: { id } }, body: { title } }));
  }

  /** Members by id, 1 to 500 a page. */
  members(id: ConversationId, query: { cursor?: string; limit?: number } = {}): Promise<MemberList> {
    return data(this.raw.GET('/v1/conversations/{id}/members', { params: { path: { id }, query } }));
  }

  /** Adds or invites up to 500 people. */
  addMembers(id: ConversationId, userIds: readonly UserId[]): Promise<AddedMembers> {
    return data(this.raw.POST('/v1/conversations/{id}/members', { params: { path: { id } }, body: { user_ids: [...userIds] } }));
  }

  /** Removes a member or withdraws an invitation; one's own id: leaves. */
  removeMember(id: ConversationId, userId: UserId): Promise<void> {
    return done(this.raw.DELETE('/v1/conversations/{id}/members/{user_id}', { params: { path: { id, user_id: userId } } }));
  }

  /** Changes a role; `owner` hands the group over. */
  setRole(id: ConversationId, userId: UserId, role: string): Promise<void> {
    const params = { path: { id, user_id: userId } };
    return done(this.raw.PUT('/v1/conversations/{id}/members/{user_id}/role', { params, body: { role } }));
  }

  /** Takes a conversation off the list until something new happens in it. */
  hide(id: ConversationId): Promise<void> {
    return done(this.raw.PUT('/v1/conversations/{id}/hidden', { params: { path: { id } } }));
  }

  unhide(id: ConversationId): Promise<void> {
    return done(this.raw.DELETE('/v1/conversations/{id}/hidden', { params: { path: { id } } }));
  }

  async invitations(): Promise<InvitationRow[]> {
    return (await data(this.raw.GET('/v1/invitations'))).invitations;
  }

  /** Accepts an invitation, or a direct conversation that another began. */
  accept(id: ConversationId): Promise<void> {
    return done(this.raw.POST('/v1/invitations/{id}/accept', { params: { path: { id } } }));
  }

  decline(id: ConversationId): Promise<void> {
    return done(this.raw.POST('/v1/invitations/{id}/decline', { params: { path: { id } } }));
  }

  /** Moves the read mark forward; use {@link RealtimeClient.markRead}, which merges calls. `keepalive`: the call outlives the page. */
  markRead(id: ConversationId, seq: Seq, keepalive = false): Promise<void> {
    return done(this.raw.POST('/v1/conversations/{id}/read', { params: { path: { id } }, body: { seq }, keepalive }));
  }

  /** Marks a conversation as unread from there on, for the caller alone; use {@link RealtimeClient.markUnread}. */
  markUnread(id: ConversationId, from: Seq): Promise<void> {
    return done(this.raw.POST('/v1/conversations/{id}/unread', { params: { path: { id } }, body: { seq: from } }));
  }

  /** Mutes, pins or archives a conversation for the caller; use {@link RealtimeClient.setForConversation}, which keeps it here, too. */
  async changeConversationSettings(id: ConversationId, change: ConversationSettingsChange): Promise<ConversationSettings> {
    const { mutedUntilMs, ...rest } = change;
    const body = mutedUntilMs === undefined ? rest : { ...rest, muted_until_ms: mutedUntilMs };
    return settingsFor(await data(this.raw.PATCH('/v1/conversations/{id}/settings', { params: { path: { id } }, body })));
  }

  /** Keeps what the caller is writing, for their other devices; {@link RealtimeClient.drafts} does so by itself. */
  putDraft(id: ConversationId, text: string): Promise<DraftVersion> {
    return data(this.raw.PUT('/v1/conversations/{id}/draft', { params: { path: { id } }, body: { text } }));
  }

  /** What the caller is writing, on whichever device. */
  draft(id: ConversationId): Promise<Draft> {
    return data(this.raw.GET('/v1/conversations/{id}/draft', { params: { path: { id } } }));
  }

  /** Where the caller has drafts. */
  async drafts(): Promise<DraftVersion[]> {
    return (await data(this.raw.GET('/v1/users/me/drafts'))).drafts;
  }

  /** What is shown first, in one answer; with the `token` of an earlier one, what changed since. `not_found` from an older server. */
  sync(token?: string): Promise<SyncAnswer> {
    return data(this.raw.GET('/v1/sync', { params: { query: token === undefined ? {} : { since: token } } }));
  }

  /** What the others of a conversation have read; empty where the caller has receipts off. */
  receipts(id: ConversationId): Promise<ConversationReceipts> {
    return data(this.raw.GET('/v1/conversations/{id}/receipts', { params: { path: { id } } }));
  }

  /** Who has a message, who has read it, and when. */
  messageReceipts(id: ConversationId, messageId: MessageId): Promise<MessageReceipts> {
    const params = { path: { id, message_id: messageId } };
    return data(this.raw.GET('/v1/conversations/{id}/messages/{message_id}/receipts', { params }));
  }

  /** Who has read a message, 1 to 500 a page. */
  readers(id: ConversationId, messageId: MessageId, query: { cursor?: string; limit?: number } = {}): Promise<ReaderList> {
    const params = { path: { id, message_id: messageId }, query };
    return data(this.raw.GET('/v1/conversations/{id}/messages/{message_id}/readers', { params }));
  }

  /** What the caller has set for all their devices. */
  async settings(): Promise<Settings> {
    return settingsOf(await data(this.raw.GET('/v1/users/me/settings')));
  }

  /** Changes what is named; the caller's devices are told. */
  async changeSettings({ readReceipts, presenceTo, availability }: Partial<Settings>): Promise<Settings> {
    const body = {
      ...(readReceipts === undefined ? {} : { read_receipts: readReceipts }),
      ...(presenceTo === undefined ? {} : { presence_to: presenceTo }),
      ...(availability === undefined ? {} : { availability }),
    };
    return settingsOf(await data(this.raw.PATCH('/v1/users/me/settings', { body })));
  }

  /** A page of history with what happened between the messages, both oldest first. Merge them by `seq`. */
  history(id: ConversationId, { before, after, limit, signal }: HistoryQuery = {}): Promise<MessagePage> {
    const query = {
      conversation_id: id,
      changes: true,
      ...(before === undefined ? {} : { before }),
      ...(after === undefined ? {} : { after }),
      ...(limit === undefined ? {} : { limit }),
    };
    return data(this.raw.GET('/v1/messages', { params: { query }, ...(signal ? { signal } : {}) }));
  }

  /**
   * Messages by what they say, the newest first: words, `"phrases"`, `from:` `in:` `before:` `after:` `has:`. Where the time of a search
   * runs out, the page says how far back it came; a page without hits may have a next one.
   */
  search(text: string, query: { in?: ConversationId; cursor?: string; limit?: number; signal?: AbortSignal } = {}): Promise<SearchPage> {
    const { in: conversation_id, signal, ...rest } = query;
    const params = { query: { q: text, ...(conversation_id === undefined ? {} : { conversation_id }), ...rest } };
    return data(this.raw.GET('/v1/search', { params, ...(signal ? { signal } : {}) }));
  }

  /** A message as it is now; rejects with `unknown_message`. */
  message(id: ConversationId, messageId: MessageId, signal?: AbortSignal): Promise<RestMessage> {
    const params = { path: { id, message_id: messageId } };
    return data(this.raw.GET('/v1/conversations/{id}/messages/{message_id}', { params, ...(signal ? { signal } : {}) }));
  }

  /** What a message said over time, the present version last. */
  revisions(id: ConversationId, messageId: MessageId): Promise<RevisionList> {
    const params = { path: { id, message_id: messageId } };
    return data(this.raw.GET('/v1/conversations/{id}/messages/{message_id}/revisions', { params }));
  }

  /** Sends over REST, for programs without a socket. The same key gives the same message. */
  send(id: ConversationId, clientId: string, body: MessageBody, replyTo?: MessageId): Promise<MessageAck> {
    const send = { client_id: clientId, conversation_id: id, body: wire(body) };
    return data(this.raw.POST('/v1/messages', { body: replyTo === undefined ? send : { ...send, reply_to: replyTo } }));
  }

  /** Edits a message of one's own over REST. The same key gives the same edit. */
  edit(id: ConversationId, messageId: MessageId, clientId: string, body: MessageBody): Promise<MessageAck> {
    const params = { path: { id, message_id: messageId } };
    const call = this.raw.PATCH('/v1/conversations/{id}/messages/{message_id}', {
      params,
      body: { client_id: clientId, body: wire(body) },
    });
    return data(call);
  }

  /** Deletes a message for everyone over REST. The same key gives the same deletion. */
  deleteMessage(id: ConversationId, messageId: MessageId, clientId: string): Promise<MessageAck> {
    const params = { path: { id, message_id: messageId } };
    return data(this.raw.POST('/v1/conversations/{id}/messages/{message_id}/delete', { params, body: { client_id: clientId } }));
  }

  /** Reacts to a message over REST, or takes that back. The same key gives the same ack. */
  react(id: ConversationId, messageId: MessageId, reaction: { clientId: string; emoji: string; on: boolean }): Promise<MessageAck> {
    const { clientId, emoji, on } = reaction;
    const params = { path: { id, message_id: messageId } };
    const body = { client_id: clientId, emoji, on };
    return data(this.raw.POST('/v1/conversations/{id}/messages/{message_id}/reactions', { params, body }));
  }

  /** Who reacts to a message, 1 to 200 people a page, those behind `after`. */
  reactions(
    id: ConversationId,
    messageId: MessageId,
    query: { emoji?: string; after?: UserId; limit?: number } = {},
  ): Promise<ReactionList> {
    const params = { path: { id, message_id: messageId }, query };
    return data(this.raw.GET('/v1/conversations/{id}/messages/{message_id}/reactions', { params }));
  }

  /** The thread under a message: its root, and a page of replies, oldest first. */
  thread(id: ConversationId, root: MessageId, query: { before?: Seq; after?: Seq; limit?: number } = {}): Promise<ThreadPage> {
    const params = { path: { id, message_id: root }, query };
    return data(this.raw.GET('/v1/conversations/{id}/messages/{message_id}/thread', { params }));
  }

  /** Follows a thread, or no longer. */
  followThread(id: ConversationId, root: MessageId, following: boolean): Promise<void> {
    const params = { path: { id, message_id: root } };
    return done(this.raw.PUT('/v1/conversations/{id}/messages/{message_id}/thread', { params, body: { following } }));
  }

  /** Moves the person's mark in a thread that they follow forward. */
  markThreadRead(id: ConversationId, root: MessageId, seq: Seq): Promise<void> {
    const params = { path: { id, message_id: root } };
    return done(this.raw.POST('/v1/conversations/{id}/messages/{message_id}/thread/read', { params, body: { seq } }));
  }

  /** Threads that the person follows, the one with the newest reply first. */
  threads(query: { cursor?: string; limit?: number } = {}): Promise<ThreadList> {
    return data(this.raw.GET('/v1/threads', { params: { query } }));
  }

  /** Pins a message over REST, or takes that back. The same key gives the same ack. */
  pinMessage(id: ConversationId, messageId: MessageId, pin: { clientId: string; on: boolean }): Promise<MessageAck> {
    const params = { path: { id, message_id: messageId } };
    const body = { client_id: pin.clientId, on: pin.on };
    return data(this.raw.POST('/v1/conversations/{id}/messages/{message_id}/pin', { params, body }));
  }

  /** What is pinned in a conversation, the newest pin first. {@link RealtimeClient.pins} follows what happens. */
  pins(id: ConversationId): Promise<PinList> {
    return data(this.raw.GET('/v1/conversations/{id}/pins', { params: { path: { id } } }));
  }

  /** Hides a message from the person alone, on all of their devices, for good. */
  hideMessage(id: ConversationId, messageId: MessageId): Promise<void> {
    const params = { path: { id, message_id: messageId } };
    return done(this.raw.PUT('/v1/conversations/{id}/messages/{message_id}/hidden', { params }));
  }

  /**
   * Schedules a message, or says anew what it says and when it is sent. Safe to repeat. Refused with `already_sent` once it is on its
   * way.
   */
  async schedule(id: ConversationId, clientId: ClientId, schedule: Schedule): Promise<ScheduledMessage> {
    const { body, replyTo, sendAtMs, timeZone } = schedule;
    const request = {
      body: wire(body),
      send_at_ms: sendAtMs,
      ...(replyTo === undefined ? {} : { reply_to: replyTo }),
      ...(timeZone === undefined ? {} : { time_zone: timeZone }),
    };
    const params = { path: { id, client_id: clientId } };
    return scheduledOf(await data(this.raw.PUT('/v1/conversations/{id}/scheduled/{client_id}', { params, body: request })));
  }

  /** Cancels a message that was to be sent later. */
  cancelScheduled(id: ConversationId, clientId: ClientId): Promise<void> {
    return done(this.raw.DELETE('/v1/conversations/{id}/scheduled/{client_id}', { params: { path: { id, client_id: clientId } } }));
  }

  /** The person's messages that are to be sent later, the earliest first. */
  async scheduled(): Promise<readonly ScheduledMessage[]> {
    return (await data(this.raw.GET('/v1/scheduled'))).scheduled.map(scheduledOf);
  }
}

/** Bodies of a newer server's are not in the document; this server says whether it takes them. */
function wire(body: MessageBody): { type: 'text'; text: string } {
  return body as { type: 'text'; text: string };
}

interface Answer<D> {
  data?: D | undefined;
  error?: unknown;
  response: Response;
}

async function data<D>(call: Promise<Answer<D>>): Promise<NonNullable<D>> {
  const answer = await call;
  if (answer.data === undefined || answer.data === null) throw failure(answer);
  return answer.data;
}

async function done(call: Promise<Answer<unknown>>): Promise<void> {
  const answer = await call;
  if (!answer.response.ok) throw failure(answer);
}

function failure(answer: Answer<unknown>): ApiError {
  return isProblem(answer.error) ? refused(answer.error) : unexpected(answer.response.status);
}

function scheduledOf(row: RestScheduled): ScheduledMessage {
  return {
    conversationId: row.conversation_id,
    clientId: row.client_id,
    body: row.body,
    replyTo: row.reply_to ?? null,
    sendAtMs: row.send_at_ms,
    timeZone: row.time_zone ?? '',
    state: row.state,
    refusal: row.refusal ?? null,
  };
}

/** A server of before knows nothing of presence. */
function settingsOf(answer: { read_receipts: boolean; presence_to?: string; availability?: string }): Settings {
  const { read_receipts, presence_to = 'contacts', availability = 'available' } = answer;
  return { readReceipts: read_receipts, presenceTo: presence_to, availability };
}
