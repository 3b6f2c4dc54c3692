import type { ConversationRow } from '../api/conversations.ts';
import type { ClientId, ConversationId, MessageId, UserId } from '../api/ids.ts';
import type { MessageItem } from '../api/messages.ts';
import type { InvitationRow, UserProfile } from '../rest/types.ts';
import type { Store } from '../store/store.ts';
import { Emitter } from '../util/emitter.ts';
import { Value } from '../util/value.ts';
import type { Change } from './change.ts';
import { messageItem, outboxItem, withEdit } from './items.ts';
import { OutboxBook } from './outbox-book.ts';
import { byTurn, type ConversationRecord, GONE, type OutboxRecord, UNSETTLED } from './records.ts';
import { Throttle } from './throttle.ts';

/** Milliseconds between two sortings of the list. */
const LIST_EVERY_MS = 30;

/** What the values of a client are made of. They outlive sessions. */
export interface Values {
  readonly conversations: Value<readonly ConversationRow[]>;
  readonly requests: Value<readonly ConversationRow[]>;
  readonly invitations: Value<readonly InvitationRow[]>;
  readonly outbox: Value<readonly MessageItem[]>;
  readonly drafts: Value<ReadonlyMap<ConversationId, string>>;
  /** What this tab wrote and has not stored: nothing that is stored, here or in another tab, replaces it. */
  readonly unsaved: Map<ConversationId, string>;
}

export function emptyValues(): Values {
  return {
    conversations: new Value<readonly ConversationRow[]>([]),
    requests: new Value<readonly ConversationRow[]>([]),
    invitations: new Value<readonly InvitationRow[]>([]),
    outbox: new Value<readonly MessageItem[]>([]),
    drafts: new Value<ReadonlyMap<ConversationId, string>>(new Map()),
    unsaved: new Map(),
  };
}

/** What a tab knows of the store: read once, then kept up by changes. One per tab and session. */
export class Mirror {
  readonly me: UserId;
  readonly #values: Values;
  readonly #records = new Map<ConversationId, ConversationRecord>();
  readonly #rows = new Map<ConversationId, Value<ConversationRow | null>>();
  readonly #changes = new Emitter<Change>();
  readonly #list = new Throttle(LIST_EVERY_MS, () => this.#sortList());
  readonly #items = new WeakMap<OutboxRecord, MessageItem>();
  #outbox = new OutboxBook();
  #early: Change[] | null = [];
  #closed = false;

  constructor(me: UserId, values: Values) {
    this.me = me;
    this.#values = values;
  }

  /** Reads the store. Changes that come meanwhile wait, so that none is lost. */
  async load(store: Store): Promise<void> {
    const read = await store.transaction(['conversations', 'outbox', 'drafts', 'meta'], {}, async (tx) => ({
      conversations: (await tx.all('conversations')) as ConversationRecord[],
      outbox: (await tx.all('outbox')) as OutboxRecord[],
      drafts: (await tx.all('drafts')) as [ConversationId, string][],
      invitations: ((await tx.get('meta', 'invitations')) as InvitationRow[] | undefined) ?? [],
    }));
    const early = this.#early ?? [];
    this.#early = null;
    this.apply({ ...read, events: [] });
    for (const change of early) this.apply(change);
    this.#list.flush();
  }

  /** Changes were missed, as by a page that came out of the back/forward cache: reads the store again. */
  async reload(store: Store): Promise<void> {
    this.#early = [];
    const ids = [...this.#records.keys()];
    this.#records.clear();
    this.#outbox = new OutboxBook();
    await this.load(store);
    for (const id of ids) this.row(id).set(this.#makeRow(id));
    this.#list.ask();
    this.#changes.emit({ again: true });
  }

  /** Stops, and shows nothing any more. */
  close(): void {
    this.#closed = true;
    this.#list.stop();
    this.#values.conversations.set([]);
    this.#values.requests.set([]);
    this.#values.invitations.set([]);
    this.#values.outbox.set([]);
    this.#values.drafts.set(new Map());
    for (const row of this.#rows.values()) row.set(null);
  }

  /** Told after each change was taken in. */
  onChange(listener: (change: Change) => void): () => void {
    return this.#changes.on(listener);
  }

  record(id: ConversationId): ConversationRecord | null {
    const record = this.#records.get(id);
    return record === undefined || record.state === GONE ? null : record;
  }

  /** The outbox, in the order in which it goes out. */
  get outbox(): Omit<OutboxBook, 'put' | 'delete'> {
    return this.#outbox;
  }

  /** The waiting messages of a conversation as rows. */
  waitingItems(id: ConversationId): MessageItem[] {
    return [...this.#outbox.messagesOf(id)].map((record) => this.#itemOf(record));
  }

  /** The waiting messages of one thread as rows. */
  waitingInThread(id: ConversationId, root: MessageId): MessageItem[] {
    return [...this.#outbox.inThread(id, root)].map((record) => this.#itemOf(record));
  }

  /** The waiting edits of a conversation by message, the last one of each. */
  waitingEdits(id: ConversationId): ReadonlyMap<MessageId, OutboxRecord> {
    return this.#outbox.lastEdits(id);
  }

  /** The waiting reactions of a conversation by message, in order. */
  waitingReactions(id: ConversationId): ReadonlyMap<MessageId, Iterable<OutboxRecord>> {
    return this.#outbox.reactionsOf(id);
  }

  /** The other ones of direct conversations, the most recently active first. */
  recentPeers(most: number): UserId[] {
    const rows = [...this.#values.conversations.get(), ...this.#values.requests.get()];
    return rows.flatMap(({ peer }) => (peer === null ? [] : [peer.user_id])).slice(0, most);
  }

  /** Conversations with one of these people who goes by another name there. */
  misnamed(profiles: readonly UserProfile[]): Map<ConversationId, UserProfile> {
    const known = new Map(profiles.map((profile) => [profile.user_id, profile]));
    const found = new Map<ConversationId, UserProfile>();
    for (const { id, peer } of this.#records.values()) {
      const profile = peer === null ? undefined : known.get(peer.user_id);
      if (profile !== undefined && (profile.handle !== peer?.handle || profile.display_name !== peer.display_name)) found.set(id, profile);
    }
    return found;
  }

  row(id: ConversationId): Value<ConversationRow | null> {
    let row = this.#rows.get(id);
    if (row === undefined) {
      row = new Value(this.#makeRow(id));
      this.#rows.set(id, row);
    }
    return row;
  }

  apply(change: Change): void {
    if (this.#closed) return;
    if (this.#early !== null) {
      this.#early.push(change);
      return;
    }
    const touched = new Set<ConversationId>();
    if (change.newLog) {
      for (const id of this.#records.keys()) touched.add(id);
      this.#records.clear();
    }
    for (const id of change.removed ?? []) {
      this.#records.delete(id);
      touched.add(id);
    }
    for (const record of change.conversations ?? []) {
      const known = this.#records.get(record.id);
      if (known !== undefined && known.rev >= record.rev) continue;
      this.#records.set(record.id, record);
      touched.add(record.id);
    }
    if (change.outbox?.length || change.settled?.length) this.#takeOutbox(change.outbox ?? [], change.settled ?? [], touched);
    if (change.drafts?.length) this.#takeDrafts(change.drafts);
    if (change.invitations !== undefined) this.#values.invitations.set(change.invitations);
    for (const id of touched) this.#rows.get(id)?.set(this.#makeRow(id));
    if (touched.size > 0) this.#list.ask();
    this.#changes.emit(change);
  }

  #takeOutbox(put: readonly OutboxRecord[], settled: readonly ClientId[], touched: Set<ConversationId>): void {
    // Of many, as when the store was read, each then finds its place behind the one before it.
    for (const record of put.length > 1 ? [...put].sort(byTurn) : put) {
      this.#outbox.put(record);
      touched.add(record.conversationId);
    }
    for (const id of settled) {
      const left = this.#outbox.delete(id);
      if (left !== null) touched.add(left.conversationId);
    }
    const shown = ({ state, reacts, pins }: OutboxRecord) => state !== 'acked' && !reacts && !pins;
    this.#values.outbox.later(() => [...this.#outbox].filter(shown).map((record) => this.#itemOf(record)));
  }

  /** The same object for the same record. */
  #itemOf(record: OutboxRecord): MessageItem {
    let item = this.#items.get(record);
    if (item === undefined) {
      item = outboxItem(record, this.me);
      this.#items.set(record, item);
    }
    return item;
  }

  #takeDrafts(drafts: readonly (readonly [ConversationId, string])[]): void {
    const all = new Map(this.#values.drafts.get());
    for (const [id, text] of drafts) {
      // The news of what was stored comes after a while, to its own tab as well. Somebody may have gone on writing.
      if (this.#values.unsaved.has(id)) continue;
      if (text === '') all.delete(id);
      else all.set(id, text);
    }
    this.#values.drafts.set(all);
  }

  #makeRow(id: ConversationId): ConversationRow | null {
    const record = this.#records.get(id);
    if (record === undefined || record.state === GONE) return null;
    const waiting = this.#outbox.lastMessageOf(id);
    const { rev: _rev, gen: _gen, last, ...row } = record;
    const edit = last === null ? null : this.#outbox.lastEditOf(id, last.message_id);
    const newest = last === null ? null : edit === null ? messageItem(last) : withEdit(messageItem(last), edit);
    if (waiting === null) return { ...row, last: newest };
    // Once it is in the log, the log's order says which is the newer.
    const own = this.#itemOf(waiting);
    const behind = own.seq !== null && newest?.seq !== null && newest !== null && newest.seq > own.seq;
    return { ...row, last: behind ? newest : own, activityMs: Math.max(row.activityMs, own.atMs) };
  }

  #sortList(): void {
    const conversations: ConversationRow[] = [];
    const requests: ConversationRow[] = [];
    for (const id of this.#records.keys()) {
      const row = this.row(id).get();
      if (row === null || row.state === UNSETTLED) continue;
      // A state of a newer server's is none of a request's.
      if (row.state === 'request') requests.push(row);
      else conversations.push(row);
    }
    this.#values.conversations.set(sorted(conversations, this.#values.conversations.get()));
    this.#values.requests.set(sorted(requests, this.#values.requests.get()));
  }
}

/** The newest first; the same array when nothing is different. */
function sorted(rows: ConversationRow[], before: readonly ConversationRow[]): readonly ConversationRow[] {
  rows.sort((a, b) => b.activityMs - a.activityMs || (a.id < b.id ? 1 : -1));
  return rows.length === before.length && rows.every((row, n) => row === before[n]) ? before : rows;
}
