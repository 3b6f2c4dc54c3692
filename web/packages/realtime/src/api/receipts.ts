import type { Seq, UserId } from './ids.ts';
import type { MessageItem, SendState } from './messages.ts';
import type { Availability, PresenceAudience } from './presence.ts';

/** Up to where somebody has read: what stands behind `afterSeq` and not behind `readSeq`. What stands before it they do not tell. */
export interface ReadMark {
  readonly afterSeq: Seq;
  readonly readSeq: Seq;
}

/** What the others of a conversation have read, and have. Who has read nothing since they came has `readSeq` = `afterSeq`. */
export interface ReceiptsState {
  /** Whether people are named here: not in large conversations, nor in a request. Null while it is not known. */
  readonly named: boolean | null;
  /** Empty where the person has receipts off. */
  readonly read: ReadonlyMap<UserId, ReadMark>;
  /** The newest of one's own messages that their devices have. */
  readonly delivered: ReadonlyMap<UserId, Seq>;
}

/** What the person has set for all their devices. */
export interface Settings {
  /** Whether one tells others what one has read, and is told of others. */
  readonly readReceipts: boolean;
  /** Whom one tells whether one is there, and when one was. */
  readonly presenceTo: PresenceAudience;
  /** How one wants to be seen while one is there. */
  readonly availability: Availability;
}

/** Where a message of one's own is. `delivered`: a device of everybody it was sent to has it. `read`: all of them have read it. */
export type MessageStage = SendState | 'delivered' | 'read';

/** Whether somebody has read what stands there, as far as they tell. */
export function hasRead(mark: ReadMark | undefined, seq: Seq): boolean {
  return mark !== undefined && mark.afterSeq < seq && seq <= mark.readSeq;
}

/** Whether a device of theirs has what stands there. Who has read it has it. */
export function hasReceived(receipts: ReceiptsState, user: UserId, seq: Seq): boolean {
  return (receipts.delivered.get(user) ?? 0) >= seq || hasRead(receipts.read.get(user), seq);
}

/** Who of `people` has read a message; nobody while it waits. */
export function readersOf(item: MessageItem, receipts: ReceiptsState, people: readonly UserId[]): readonly UserId[] {
  const { seq } = item;
  return seq === null || item.state !== 'sent' ? [] : people.filter((id) => hasRead(receipts.read.get(id), seq));
}

/** Where a message of one's own is, when these others are in the conversation. Who came later, or does not tell, is left out. */
export function stageOf(item: MessageItem, receipts: ReceiptsState, others: readonly UserId[]): MessageStage {
  const { seq } = item;
  if (seq === null || item.state !== 'sent') return item.state;
  const asked = others.filter((id) => (receipts.read.get(id)?.afterSeq ?? 0) < seq);
  if (asked.length > 0 && readersOf(item, receipts, asked).length === asked.length) return 'read';
  const devices = asked.length > 0 ? asked : others;
  return devices.length > 0 && devices.every((id) => hasReceived(receipts, id, seq)) ? 'delivered' : item.state;
}
