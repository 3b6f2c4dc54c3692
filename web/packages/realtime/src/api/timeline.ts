import type { ApiError } from './errors.ts';
import type { MessageId, Seq } from './ids.ts';
import type { MessageItem, TimelineItem } from './messages.ts';
import type { Readable } from './readable.ts';

/** A window over one conversation's history, oldest first. At most 5,000 rows; the far side is dropped. */
export interface TimelineState {
  readonly items: readonly TimelineItem[];
  /**
   * Messages that rows of the window answer, by id, as they are now; null for one that is not there or not the person's to see. Not
   * listed while it is being looked for.
   */
  readonly quoted: ReadonlyMap<MessageId, MessageItem | null>;
  /** More lies before the first row. */
  readonly hasOlder: boolean;
  /** More lies behind the last row: new messages do not show until `loadNewer` or `jumpToEnd`. */
  readonly hasNewer: boolean;
  /** Rows are being read. */
  readonly loading: boolean;
  /** Nothing to show yet, not even from the store. */
  readonly opening: boolean;
  /** The first message of another behind the read mark as it was when the timeline was opened. */
  readonly firstUnreadSeq: Seq | null;
  /** Why the last reading failed; it is tried again when the connection is back, or with the next call. */
  readonly error: ApiError | null;
}

/** Where to jump. */
export type TimelinePlace = { seq: Seq } | { atMs: number };

/** An open history. Close it: until then it follows what happens. */
export interface Timeline extends Readable<TimelineState> {
  /** Reads about 50 rows before the first one: from the store, then over REST. Calls meanwhile share one reading. */
  loadOlder(): Promise<void>;
  /** Reads about 50 rows behind the last one. */
  loadNewer(): Promise<void>;
  /** Shows the end again. */
  jumpToEnd(): Promise<void>;
  /**
   * Whether one reads at the end. Elsewhere nothing that is shown goes when the window is full or the connection comes back: what is
   * new stays out, and `hasNewer` says so.
   */
  follow(end: boolean): void;
  /** Shows the rows around a place. Gives the key of the row at or after it, or null when there is none. */
  jumpTo(place: TimelinePlace): Promise<string | null>;
  close(): void;
}
