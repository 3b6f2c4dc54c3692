import type { ConversationId, UserId } from '../api/ids.ts';
import type { Sink } from '../engine/sink.ts';
import type { components } from '../generated/asyncapi.ts';
import type { Tx } from '../store/store.ts';
import type { ServerEvent } from '../wire/events.ts';
import { type Applied, applyEvents, type Incoming } from './apply.ts';
import type { Change } from './change.ts';
import { FencedError, type Home, readLogGen } from './home.ts';
import type { ConversationRecord, OutboxRecord } from './records.ts';
import { forgetUntold } from './untold.ts';

/** Events of one transaction. */
const BATCH = 500;
/** Characters of their frames, as soon as there are more. */
const BATCH_CHARACTERS = 1024 * 1024;
/** Reasons of a reset after which the old places still mean what they did. */
const SAME_LOG: readonly string[] = ['too_old', 'too_much'] satisfies components['schemas']['ResetReason'][];

type Item =
  | { readonly incoming: Incoming; readonly size: number }
  | { readonly position: string; readonly covers: number }
  | { readonly reset: string; readonly position: string };

/** What an applier tells. */
export interface ApplierParts {
  readonly home: Home;
  readonly me: UserId;
  /** Writes are refused when another tab took over; undefined where several write. */
  readonly term: number | undefined;
  /** More is stored, perhaps a newer position. */
  onStored(): void;
  /** Conversations of which the server has to be asked. */
  onUnknown(ids: ReadonlySet<ConversationId>): void;
  /** The list has to be read again. */
  onReset(reason: string): void;
  /** Writing is over: another tab leads, the session ended, or the store failed. */
  onOver(error: unknown): void;
}

/** Puts what the socket brings into the store, frames and the position that covers them in one transaction, and tells the tabs. */
export class Applier implements Sink {
  readonly #parts: ApplierParts;
  readonly #queue: Item[] = [];
  readonly #last = new Map<string, number>();
  #running: Promise<void> | null = null;
  #over = false;
  #waiting = 0;
  #given = 0;
  stored: string | null;
  covered = 0;

  constructor(parts: ApplierParts, position: string | null) {
    this.#parts = parts;
    this.stored = position;
  }

  get waiting(): number {
    return this.#waiting;
  }

  event(event: ServerEvent, size: number): void {
    if (this.#over) return;
    this.#given += 1;
    this.#waiting += size;
    this.#add({ incoming: { event, follows: this.#last.get(event.chain) ?? null }, size });
    this.#last.set(event.chain, event.seq);
  }

  position(position: string): void {
    this.#add({ position, covers: this.#given });
  }

  reset(reason: string, position: string): void {
    this.#last.clear();
    this.#add({ reset: reason, position });
  }

  settled(): Promise<void> {
    return this.#running ?? Promise.resolve();
  }

  /** Writes nothing more. */
  stop(): void {
    this.#over = true;
    this.#queue.length = 0;
  }

  #add(item: Item): void {
    if (this.#over) return;
    this.#queue.push(item);
    this.#running ??= this.#run().finally(() => {
      this.#running = null;
    });
  }

  async #run(): Promise<void> {
    // What comes in the same turn of the event loop goes into one transaction.
    await Promise.resolve();
    try {
      while (this.#queue.length > 0 && !this.#over) await this.#step();
    } catch (error) {
      this.stop();
      this.#parts.onOver(error);
    }
  }

  async #step(): Promise<void> {
    const first = this.#queue[0];
    if (first !== undefined && 'reset' in first) {
      this.#queue.shift();
      await this.#reset(first.reset, first.position);
      return;
    }
    const batch: Incoming[] = [];
    let position: string | null = null;
    let covers = this.covered;
    let [taken, size] = [0, 0];
    for (const item of this.#queue) {
      if ('reset' in item || batch.length >= BATCH || size >= BATCH_CHARACTERS) break;
      if ('incoming' in item) {
        batch.push(item.incoming);
        size += item.size;
      } else ({ position, covers } = item);
      taken += 1;
    }
    this.#queue.splice(0, taken);
    await this.#store(batch, position, covers);
    this.#waiting -= size;
  }

  async #store(batch: readonly Incoming[], position: string | null, covers: number): Promise<void> {
    const { home, me, term } = this.#parts;
    // What was read before there was any position was followed by nobody.
    const isFirst = position !== null && this.stored === null;
    let missed = false;
    const applied = await home.transaction(
      ['meta', 'conversations', 'spans', 'pages', 'outbox'],
      { write: true, strict: position !== null },
      async (tx) => {
        const gen = ((await tx.get('meta', 'listGen')) as number | undefined) ?? 0;
        if (position !== null) tx.put('meta', 'position', position);
        missed = isFirst && (await tx.count('pages')) > 0;
        if (missed) await forgetHistories(tx);
        return applyEvents(tx, me, gen, batch);
      },
      term,
    );
    if (position !== null) {
      this.stored = position;
      this.covered = covers;
    }
    if (missed) home.publish({ missed: true });
    if (batch.length > 0) home.publish(changeOf(batch, applied));
    if (applied.unknown.size > 0) this.#parts.onUnknown(applied.unknown);
    this.#parts.onStored();
  }

  async #reset(reason: string, position: string): Promise<void> {
    const { home, term } = this.#parts;
    const newLog = !SAME_LOG.includes(reason);
    const settled = await home.transaction(
      ['meta', 'conversations', 'spans', 'pages', 'outbox'],
      { write: true, strict: true },
      async (tx) => {
        tx.put('meta', 'position', position);
        // Whoever reads the list at the moment begins again.
        tx.put('meta', 'listGen', (((await tx.get('meta', 'listGen')) as number | undefined) ?? 0) + 1);
        await forgetHistories(tx);
        if (newLog) {
          tx.clear('conversations');
          forgetUntold(tx);
        }
        // Their events may never come; the histories that are read again have them.
        const acked = ((await tx.all('outbox')) as OutboxRecord[]).filter((record) => record.state === 'acked');
        for (const { clientId } of acked) tx.delete('outbox', clientId);
        return acked.map(({ clientId }) => clientId);
      },
      term,
    );
    this.stored = position;
    home.publish({ reset: reason, newLog, settled });
    this.#parts.onReset(reason);
  }
}

/** What was erased meanwhile is told by no event any more: nothing of what was said before may stay, nor come with a late answer. */
async function forgetHistories(tx: Tx): Promise<void> {
  tx.put('meta', 'logGen', (await readLogGen(tx)) + 1);
  tx.clear('pages');
  tx.clear('spans');
}

function changeOf(batch: readonly Incoming[], applied: Applied): Change {
  return {
    events: batch.map(({ event }) => event),
    conversations: [...applied.conversations.values()] satisfies ConversationRecord[],
    removed: [...applied.removed],
    settled: applied.settled.map(({ clientId }) => clientId),
  };
}

/** Whether writing ended because another tab or session took over, which is no failure. */
export function isFenced(error: unknown): boolean {
  return error instanceof FencedError;
}
