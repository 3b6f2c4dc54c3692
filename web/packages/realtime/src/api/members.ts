import type { Member } from '../rest/types.ts';
import type { ApiError } from './errors.ts';

/** Who is in a conversation: the first 200 by id. */
export interface MembersState {
  readonly members: readonly Member[];
  /** How many there are in all; null while it is not known. */
  readonly count: number | null;
  /** Whether `members` are all of them. */
  readonly complete: boolean;
  /** Why the last reading failed; it is tried again. */
  readonly error: ApiError | null;
}
