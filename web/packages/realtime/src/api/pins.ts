import type { ApiError } from './errors.ts';
import type { Seq, UserId } from './ids.ts';
import type { MessageItem } from './messages.ts';

/** A pinned message. */
export interface Pin {
  /** As it is now, without its reactions. */
  readonly message: MessageItem;
  readonly pinnedBy: UserId;
  readonly pinnedAtMs: number;
  /** The place of the event that says so. */
  readonly pinnedSeq: Seq;
}

/** What is pinned in a conversation and the person may see, the newest pin first. */
export interface PinsState {
  /** Null while it is not known. */
  readonly pins: readonly Pin[] | null;
  /** Why the last reading failed; it is tried again. */
  readonly error: ApiError | null;
}
