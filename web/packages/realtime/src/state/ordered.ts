import type { ClientId } from '../api/ids.ts';
import { byTurn, type OutboxRecord } from './records.ts';

interface Link {
  record: OutboxRecord;
  before: Link | null;
  after: Link | null;
}

/** Records in the order in which they go out. What comes last, as nearly all do, finds its place at once, and any leaves at once. */
export class Ordered implements Iterable<OutboxRecord> {
  readonly #links = new Map<ClientId, Link>();
  #first: Link | null = null;
  #last: Link | null = null;

  get size(): number {
    return this.#links.size;
  }
  get last(): OutboxRecord | null {
    return this.#last?.record ?? null;
  }

  get(id: ClientId): OutboxRecord | null {
    return this.#links.get(id)?.record ?? null;
  }

  put(record: OutboxRecord): void {
    const known = this.#links.get(record.clientId);
    if (known !== undefined && known.record.turn === record.turn) {
      known.record = record;
      return;
    }
    this.delete(record.clientId);
    let before = this.#last;
    while (before !== null && byTurn(before.record, record) > 0) before = before.before;
    const link: Link = { record, before, after: before === null ? this.#first : before.after };
    if (link.before === null) this.#first = link;
    else link.before.after = link;
    if (link.after === null) this.#last = link;
    else link.after.before = link;
    this.#links.set(record.clientId, link);
  }

  delete(id: ClientId): void {
    const link = this.#links.get(id);
    if (link === undefined) return;
    this.#links.delete(id);
    if (link.before === null) this.#first = link.after;
    else link.before.after = link.after;
    if (link.after === null) this.#last = link.before;
    else link.after.before = link.before;
  }

  *[Symbol.iterator](): Iterator<OutboxRecord> {
    for (let link = this.#first; link !== null; link = link.after) yield link.record;
  }
}
