import type { ApiError } from './errors.ts';
import type { ConversationId, MessageId, Seq } from './ids.ts';
import type { MessageItem } from './messages.ts';
import type { Readable } from './readable.ts';

/** The replies under one message, its root, oldest first. */
export interface ThreadState {
  /** The root as it is now; null until it was read, and where it is not the person's to see. */
  readonly root: MessageItem | null;
  readonly items: readonly MessageItem[];
  /** As in a timeline. */
  readonly quoted: ReadonlyMap<MessageId, MessageItem | null>;
  /** More lies before the first one. */
  readonly hasOlder: boolean;
  readonly loading: boolean;
  /** Nothing to show yet. */
  readonly opening: boolean;
  readonly following: boolean;
  /** The first reply of another behind the mark as it was when the thread was opened. */
  readonly firstUnreadSeq: Seq | null;
  /** Why the last reading failed; it is tried again when the connection is back. */
  readonly error: ApiError | null;
}

/** An open thread. Close it: until then it follows what happens. */
export interface Thread extends Readable<ThreadState> {
  loadOlder(): Promise<void>;
  /** The person has read up to there: told at most once a second, and where they follow the thread. */
  markRead(seq: Seq): void;
  /** Follows the thread, or no longer. */
  follow(following: boolean): Promise<void>;
  close(): void;
}

/** A thread that the person follows. */
export interface FollowedThread {
  readonly conversationId: ConversationId;
  readonly root: MessageItem;
  readonly readSeq: Seq;
  /** Replies of others behind it; counting stops at 1,000. */
  readonly unread: number;
}

/** The threads that the person follows, the one with the newest reply first. */
export interface ThreadsState {
  readonly threads: readonly FollowedThread[];
  /** There are older ones. */
  readonly hasMore: boolean;
}
