import type { RestClient } from '../rest/client.ts';
import type { InvitationRow, UserProfile } from '../rest/types.ts';
import type { ServerEvent } from '../wire/events.ts';
import type { ConnectionState, Notice } from './connection.ts';
import type { ConversationRow, ConversationSettingsChange } from './conversations.ts';
import type { ClientId, ConversationId, Seq, UserId } from './ids.ts';
import type { MembersState } from './members.ts';
import type { MessageItem, MessageRef } from './messages.ts';
import type { PinsState } from './pins.ts';
import type { PresenceState } from './presence.ts';
import type { Readable } from './readable.ts';
import type { ReceiptsState, Settings } from './receipts.ts';
import type { ScheduledMessage } from './scheduled.ts';
import type { LogIn, SessionState, SignUp } from './session.ts';
import type { Thread, ThreadsState } from './threads.ts';
import type { Timeline } from './timeline.ts';

/** Texts that are being written, kept over restarts and shared by tabs. */
export interface Drafts extends Readable<ReadonlyMap<ConversationId, string>> {
  /**
   * Replaces the draft; an empty text removes it. The value changes at once; storing follows within half a second. False when it is
   * not kept: a draft has at most four times the bytes of a message, all of them together four million characters. The one before it
   * stays.
   */
  set(conversationId: ConversationId, text: string): boolean;
}

/** Profiles this device knows. */
export interface Users extends Readable<ReadonlyMap<UserId, UserProfile>> {
  /** Asks for profiles that are not known yet: from the store, then over REST, many with one call. */
  want(userIds: readonly UserId[]): void;
}

/** One's groups' invitations that wait for an answer. */
export interface Invitations extends Readable<readonly InvitationRow[]> {
  /** Reads them again. The client does so after each welcome and when an event speaks of one. */
  refresh(): Promise<void>;
}

/** Who types where at this moment, others only. */
export type TypingState = ReadonlyMap<ConversationId, readonly UserId[]>;

/**
 * A client that stays connected: reconnects, resumes, sends again, and proves that nothing was missed. Open one per page with
 * {@link RealtimeClient.open}; tabs of one browser share a socket and a store by themselves.
 */
export interface RealtimeClient {
  readonly session: Readable<SessionState>;
  readonly connection: Readable<ConnectionState>;
  /** Accepted conversations, the most recently active first. */
  readonly conversations: Readable<readonly ConversationRow[]>;
  /** Direct conversations that others began and the person has not answered. */
  readonly requests: Readable<readonly ConversationRow[]>;
  readonly invitations: Invitations;
  readonly drafts: Drafts;
  readonly users: Users;
  readonly typing: Readable<TypingState>;
  /** How people are there whom {@link watch} names. Nobody is in it while there is no connection. */
  readonly presence: Readable<PresenceState>;
  /** What the person has set for all their devices; null while it is not known. Change it with `api.changeSettings`. */
  readonly settings: Readable<Settings | null>;
  /**
   * The person's messages that are to be sent later, the earliest first; null while they are not known. Read while somebody has
   * subscribed. Change them with `api.schedule` and `api.cancelScheduled`.
   */
  readonly scheduled: Readable<readonly ScheduledMessage[] | null>;
  /**
   * The threads that the person follows, up to 50, the one with the newest reply first; null while they are not known. Read while
   * somebody has subscribed.
   */
  readonly threads: Readable<ThreadsState | null>;
  /** Messages in the outbox, in the order in which they go out; failed ones too. Reactions and pins are not among them. */
  readonly outbox: Readable<readonly MessageItem[]>;
  /**
   * REST with the session's token, which is renewed by itself. Calls that begin, accept, decline or hide a conversation resolve
   * when the list shows it.
   */
  readonly api: RestClient;

  /** Makes an account and logs in. */
  signUp(input: SignUp): Promise<void>;
  /** Logs in. What the store holds of another person is wiped first. */
  logIn(input: LogIn): Promise<void>;
  /**
   * Ends the session on the server if it can be reached, and wipes everything local in every tab: also unsent messages
   * (ask first: `outbox`) and drafts.
   */
  logOut(): Promise<void>;

  /** Connects now instead of at the end of the backoff. */
  retryNow(): void;

  /** One row of the list, accepted or request; null while it is not known. Told only when this row changes. */
  conversation(id: ConversationId): Readable<ConversationRow | null>;
  /** Reads the list again over REST; the client does so by itself when it must. */
  refreshConversations(): Promise<void>;
  /**
   * Who is in a conversation: read when somebody subscribes, kept, and read again when an event says that somebody came, went or got
   * another role. Those of 50 conversations are kept.
   */
  members(id: ConversationId): Readable<MembersState>;
  /**
   * What the others of a conversation have read: read when somebody subscribes, kept up by what comes, and read again when something
   * may have been missed. See `stageOf`.
   */
  receipts(id: ConversationId): Readable<ReceiptsState>;
  /** The same without asking the server: for rows of a list. */
  receiptsKnown(id: ConversationId): Readable<ReceiptsState>;
  /**
   * What is pinned in a conversation: read when somebody subscribes, and again when an event says that something was pinned. Edits and
   * deletions show at once.
   */
  pins(id: ConversationId): Readable<PinsState>;
  /** Opens a history: from the store at once, then from the server. */
  timeline(id: ConversationId): Timeline;
  /** Opens the thread under a message, from the server. */
  thread(id: ConversationId, root: MessageRef): Thread;

  /**
   * Sends a text, in the thread under `thread` if that is named: now if connected, else as soon as possible, over restarts too. It is in `outbox` and in open timelines when
   * this returns, and in the store when `stored` resolves.
   * @throws ApiError `outbox_full`, `no_session`
   */
  send(id: ConversationId, text: string, options?: { replyTo?: MessageRef; thread?: MessageRef }): Sending;
  /**
   * Says a message of one's own anew, as `send` does: kept, repeated, in order. Open timelines show it at once. The ack's
   * `messageId` is the edit's own.
   * @throws ApiError `outbox_full`, `no_session`
   */
  edit(id: ConversationId, message: MessageRef, text: string): Sending;
  /**
   * Deletes a message for everyone, as `edit` does. Refused with `delete_too_late`, or with `not_sender` or `forbidden` where it is
   * another's.
   * @throws ApiError `outbox_full`, `no_session`
   */
  delete(id: ConversationId, message: MessageRef): Sending;
  /**
   * Reacts to a message with one emoji, or takes that back (`on` false), as `edit` does. Open timelines show it at once, and no more
   * when it is refused: with `too_many_reactions`, `conversation_too_large`, `bad_emoji` or `message_gone`.
   * @throws ApiError `outbox_full`, `no_session`
   */
  react(id: ConversationId, message: MessageRef, emoji: string, on: boolean): Sending;
  /**
   * Pins a message in its conversation, for all members, or takes that back (`on` false), as `edit` does. Refused with `forbidden` (in a
   * group it is for its owner and admins), `too_many_pins` or `message_gone`.
   * @throws ApiError `outbox_full`, `no_session`
   */
  pin(id: ConversationId, message: MessageRef, on: boolean): Sending;
  /** Sends a failed message again, as a new one behind the others. */
  retry(clientId: ClientId): void;
  /** Removes a message from the outbox. One that is on its way may arrive all the same. */
  discard(clientId: ClientId): void;

  /** Moves the read mark forward. Calls are merged: at most one request per second and conversation. */
  markRead(id: ConversationId, seq: Seq): void;
  /** Marks the conversation as unread from there on, on the person's own devices alone. Reading it again, and answering, ends it. */
  markUnread(id: ConversationId, from: Seq): Promise<void>;
  /** Mutes, pins or archives a conversation, or says of what to be notified: on all of the person's devices, and for no other person. */
  setForConversation(id: ConversationId, change: ConversationSettingsChange): Promise<void>;
  /**
   * How the person is there: whether they use the page, and what they have before their eyes. Said again by itself; of several tabs the
   * one that is used counts. Without it others see nothing of this device.
   */
  present(active: boolean, conversationId: ConversationId | null): void;
  /** Whom this tab shows, in place of those named before; at most 200 of all tabs are watched. */
  watch(people: readonly UserId[]): void;
  /** The person types. Call at every key: it is said at most every 2 s. */
  isTyping(id: ConversationId): void;
  /** The person has stopped. Sending says so by itself. */
  stoppedTyping(id: ConversationId): void;

  /**
   * Every event as it comes, after it was stored, known or not: for programs that react. In a browser, tabs other than the
   * one with the socket get them too. What was missed while the program did not run comes after the start.
   */
  onEvent(listener: (event: ServerEvent) => void): () => void;
  onNotice(listener: (notice: Notice) => void): () => void;

  /** Stops: reports the position, closes the socket (another tab takes it over), and leaves the store as it is. */
  close(): Promise<void>;
}

/** A message on its way. Ignoring it is fine. */
export interface Sending {
  readonly clientId: ClientId;
  /** In the device's store. Rejects with ApiError `store` where it could not be kept; it is sent from memory then. */
  readonly stored: Promise<void>;
  /** In the log. Rejects with an ApiError when it is refused for good, or when this client closes before. */
  readonly acknowledged: Promise<{ messageId: string; seq: Seq; atMs: number }>;
}
