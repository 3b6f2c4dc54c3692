import type { ConversationId, Seq } from '../api/ids.ts';
import type { Tx } from '../store/store.ts';

/** Where the store has the read marks that moved here and that the server may not know of. Transactions need `meta`. */
const KEY = 'untoldMarks';

type Marks = Readonly<Record<ConversationId, Seq>>;

export async function untoldMarks(tx: Tx): Promise<Marks> {
  return ((await tx.get('meta', KEY)) as Marks | undefined) ?? {};
}

/** The server has yet to be told of these. */
export async function addUntold(tx: Tx, added: ReadonlyMap<ConversationId, Seq>): Promise<void> {
  const marks = new Map(Object.entries(await untoldMarks(tx)));
  for (const [id, seq] of added) marks.set(id, Math.max(seq, marks.get(id) ?? 0));
  tx.put('meta', KEY, Object.fromEntries(marks));
}

/** The server knows of a mark up to `seq`, or refuses it. */
export async function removeUntold(tx: Tx, id: ConversationId, seq: Seq): Promise<void> {
  const { [id]: mark, ...others } = await untoldMarks(tx);
  if (mark !== undefined && mark <= seq) tx.put('meta', KEY, others);
}

/** Places of another log. */
export function forgetUntold(tx: Tx): void {
  tx.delete('meta', KEY);
}
