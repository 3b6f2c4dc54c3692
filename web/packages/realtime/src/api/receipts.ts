import type { Seq, UserId } from './ids.ts';
import type { MessageItem, SendState } from './messages.ts';

/** Up to where somebody has read: what stands behind `afterSeq` and not behind `readSeq`. What stands before it they do not tell. */
export interface ReadMark {
  readonly afterSeq: Seq;
  readonly readSeq: Seq;
}

/** What the others of a conversation have read. Who has read nothing since they came has `readSeq` = `afterSeq`. */
export interface ReceiptsState {
  /** Whether people are named here: not in large conversations, nor in a request. Null while it is not known. */
  readonly named: boolean | null;
  /** Empty where the person has receipts off. */
  readonly read: ReadonlyMap<UserId, ReadMark>;
}

/** What the person has set for all their devices. */
export interface Settings {
  /** Whether one tells others what one has read, and is told of others. */
  readonly readReceipts: boolean;
}

/** Where a message of one's own is. `read`: everybody it was sent to has read it. */
export type MessageStage = SendState | 'read';

/** Whether somebody has read what stands there, as far as they tell. */
export function hasRead(mark: ReadMark | undefined, seq: Seq): boolean {
  return mark !== undefined && mark.afterSeq < seq && seq <= mark.readSeq;
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
  return asked.length > 0 && readersOf(item, receipts, asked).length === asked.length ? 'read' : item.state;
}
