import type { ServerEvent } from '../wire/events.ts';

/** Where a connection puts what it receives. */
export interface Sink {
  /** An event that is the next one of its chain. `size`: the characters of its frame. */
  event(event: ServerEvent, size: number): void;
  /** Everything up to `position` was given before. */
  position(position: string): void;
  /** What was stored proves nothing about what follows; `position` is where things go on. */
  reset(reason: string, position: string): void;
  /** The newest position that is stored together with everything before it. */
  readonly stored: string | null;
  /** How many events of this run came before it: a report is worth a ping only when there are more than at the last one. */
  readonly covered: number;
  /** Characters of events that wait to be stored. */
  readonly waiting: number;
  /** Resolves when what was given so far is stored, or will never be. */
  settled(): Promise<void>;
}
