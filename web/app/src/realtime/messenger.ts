import type {
  ConversationChange,
  ConversationRow,
  DeviceRow,
  FollowedThread,
  Found,
  InvitationRow,
  Member,
  MessageDetails,
  MessageItem,
  MessageRef,
  Person,
  Pin,
  Presence,
  Reactors,
  Readers,
  Receipts,
  Revision,
  Role,
  Scheduled,
  TimelineItem,
} from '@/types';

/** A value that changes. `get` gives the same object while nothing changed. */
export interface Store<T> {
  get(): T;
  subscribe(changed: () => void): () => void;
}

export type Connection = {
  /** `offline`: between two attempts. */
  state: 'offline' | 'connecting' | 'catching_up' | 'live' | 'stopped';
  /** Since when it is live, or since when it is not. */
  sinceMs: number;
  /** Why not, as a code of the SDK's. */
  reason: string | null;
};

export interface Session {
  me: Person;
  sessionId: string;
}

/** Why there is no session: never was, logged out here, or ended elsewhere. */
export type SessionState = { status: 'in'; session: Session } | { status: 'out'; reason: string | null };

export interface TimelineState {
  items: readonly TimelineItem[];
  /** Messages that rows answer, as they are now; null for one that is not there. */
  quoted: ReadonlyMap<string, MessageItem | null>;
  hasOlder: boolean;
  hasNewer: boolean;
  /** Nothing to show yet, not even from the store. */
  opening: boolean;
  error: string | null;
}

export interface ThreadState {
  /** Null until it was read, and where it is not one's to see. */
  root: MessageItem | null;
  items: readonly MessageItem[];
  quoted: ReadonlyMap<string, MessageItem | null>;
  hasOlder: boolean;
  loading: boolean;
  opening: boolean;
  following: boolean;
  firstUnreadSeq: number | null;
  error: string | null;
}

/** The replies under one message. */
export interface Thread extends Store<ThreadState> {
  loadOlder(): Promise<void>;
  markRead(seq: number): void;
  follow(following: boolean): Promise<void>;
  close(): void;
}

export interface Timeline extends Store<TimelineState> {
  loadOlder(): Promise<void>;
  loadNewer(): Promise<void>;
  jumpToEnd(): Promise<void>;
  /** Whether one reads at the end; elsewhere the rows stay, however many come. */
  follow(end: boolean): void;
  /** Loads the window around a place and answers with the key of its first row. */
  jumpTo(place: { seq: number } | { atMs: number }): Promise<string | null>;
  close(): void;
}

/** The first members of a conversation. */
export interface Members {
  members: readonly Member[];
  /** How many there are in all; null while it is not known. */
  count: number | null;
  complete: boolean;
}

export type Drafts = ReadonlyMap<string, string>;

/** Everything the screens may ask of the outside. `adapter.ts` makes it from the SDK. */
export interface Messenger {
  session: Store<SessionState>;
  connection: Store<Connection>;
  conversations: Store<readonly ConversationRow[]>;
  requests: Store<readonly ConversationRow[]>;
  invitations: Store<readonly InvitationRow[]>;
  drafts: Store<Drafts>;
  people: Store<ReadonlyMap<string, Person>>;
  typing: Store<ReadonlyMap<string, readonly string[]>>;
  /** Whether one tells others what one has read, and is told of others; null while it is not known. */
  readReceipts: Store<boolean | null>;

  signUp(input: { handle: string; name: string; password: string }): Promise<void>;
  logIn(input: { handle: string; password: string }): Promise<void>;
  logOut(): Promise<void>;
  changePassword(current: string, next: string): Promise<void>;
  changeName(name: string): Promise<void>;
  devices(): Promise<DeviceRow[]>;
  endDevice(id: string): Promise<void>;

  retryNow(): void;
  timeline(conversationId: string): Timeline;
  /** The thread under a message. */
  thread(conversationId: string, root: MessageRef): Thread;
  /** The threads that one follows, the one with the newest reply first; null while they are not known. */
  readonly threads: Store<{ threads: readonly FollowedThread[] } | null>;
  /** Sends a text, in the thread under `thread` if that is named. */
  send(conversationId: string, text: string, replyTo: MessageRef | null, thread?: MessageRef): void;
  edit(conversationId: string, message: MessageRef, text: string): void;
  /** Deletes a message for everyone. */
  deleteMessage(conversationId: string, message: MessageRef): void;
  /** Reacts to a message, or takes that back. Shows at once; rejects when it is refused. */
  react(conversationId: string, message: MessageRef, emoji: string, on: boolean): Promise<void>;
  /** Who reacts to a message. */
  reactors(conversationId: string, messageId: string): Promise<Reactors>;
  /** Pins a message for all members, or takes that back; rejects when it is refused. */
  pin(conversationId: string, message: MessageRef, on: boolean): Promise<void>;
  /** What is pinned, the newest pin first; read while somebody looks. */
  pins(conversationId: string): Store<readonly Pin[]>;
  /** Hides a message from oneself, on all of one's devices. */
  hideMessage(conversationId: string, messageId: string): Promise<void>;
  /** What a message said over time, the present version last. */
  revisions(conversationId: string, messageId: string): Promise<Revision[]>;
  /** Who has a message, who has read it, and when. */
  details(conversationId: string, messageId: string): Promise<MessageDetails>;
  /** Messages by what they say, the newest first: everywhere, or in one conversation. */
  search(text: string, conversationId: string | null, cursor: string | null): Promise<Found>;
  /** Who has read a message. */
  readers(conversationId: string, messageId: string): Promise<Readers>;
  retry(clientId: string): void;
  discard(clientId: string): void;
  /** How many messages wait in this browser. */
  unsentCount(): number;
  markRead(conversationId: string, seq: number): void;
  /** Marks the conversation as unread from there on, for oneself. */
  markUnread(conversationId: string, from: number): Promise<void>;
  /** Mutes, pins or archives a conversation for oneself, on all of one's devices. */
  setForConversation(conversationId: string, change: ConversationChange): Promise<void>;
  /** Whether it is kept: a text that is far too long is not. */
  setDraft(conversationId: string, text: string): boolean;
  isTyping(conversationId: string): void;
  wantPeople(ids: readonly string[]): void;
  /** How people are there whom `watch` names. */
  readonly presence: Store<ReadonlyMap<string, Presence>>;
  /** Whether one uses the page, and what one has before one's eyes. */
  present(active: boolean, conversationId: string | null): void;
  watch(ids: readonly string[]): void;
  /** Whom one tells that one is there, and how one wants to be seen; null while it is not known. */
  readonly presenceSettings: Store<{ presenceTo: string; availability: string } | null>;
  setPresence(change: { presenceTo?: string; availability?: string }): Promise<void>;

  /** One's messages that are to be sent later, the earliest first; null while they are not known. */
  readonly scheduled: Store<readonly Scheduled[] | null>;
  /** Schedules a text, or says anew what it says and when. Each has a key of its own; the same again is the same message. */
  schedule(conversationId: string, key: string, text: string, atMs: number, replyTo: string | null): Promise<void>;
  cancelScheduled(conversationId: string, key: string): Promise<void>;

  findPerson(handle: string): Promise<Person | null>;
  openDirect(personId: string): Promise<string>;
  createGroup(title: string, memberIds: string[], key: string): Promise<string>;
  /** Who is in a conversation: read while somebody looks, and kept. */
  members(conversationId: string): Store<Members>;
  /** What others have read: asked for while somebody looks, and kept. `known`: without asking. */
  receipts(conversationId: string, known?: boolean): Store<Receipts>;
  setReadReceipts(on: boolean): Promise<void>;
  invite(conversationId: string, ids: string[]): Promise<{ added: number; invited: number }>;
  rename(conversationId: string, title: string): Promise<void>;
  setRole(conversationId: string, personId: string, role: Role): Promise<void>;
  removeMember(conversationId: string, personId: string): Promise<void>;
  accept(conversationId: string): Promise<void>;
  decline(conversationId: string): Promise<void>;
}

/** A refusal in the server's registered codes. */
export class Refusal extends Error {
  readonly code: string;
  readonly retryAfterMs: number | null;
  constructor(code: string, detail: string, retryAfterMs: number | null = null) {
    super(detail);
    this.code = code;
    this.retryAfterMs = retryAfterMs;
  }
}
