import { USUAL_SETTINGS } from '../api/conversations.ts';
import type { ConversationId, Seq, UserId } from '../api/ids.ts';
import { isText } from '../api/messages.ts';
import { settingsFor } from '../rest/settings.ts';
import {
  appendLive,
  countStored,
  edited,
  editStored,
  erased,
  eraseStored,
  forgetHistory,
  hideStored,
  reactStored,
  readBefore,
} from '../store/history.ts';
import { reacted } from '../store/reactions.ts';
import type { Tx } from '../store/store.ts';
import { isReplyInThread, replied, type ThreadReply, unreplied } from '../store/threads.ts';
import {
  beginsStay,
  conversationOf,
  type EventOf,
  endsStay,
  isKnownEvent,
  type KnownEvent,
  type MessageEdited,
  type MessageErased,
  type MessageHidden,
  type MessageReacted,
  type MessageSent,
  publishedBy,
  type ServerEvent,
} from '../wire/events.ts';
import { type ConversationRecord, GONE, type Meta, type OutboxRecord, UNSETTLED } from './records.ts';
import { withSettings } from './set-for.ts';

/** Counting unread messages stops here, as the server's does. */
export const MOST_UNREAD = 1000;

/** An event on its way into the store. */
export interface Incoming {
  readonly event: ServerEvent;
  /** The event of the same chain that came before it in this run of the program. */
  readonly follows: Seq | null;
}

/** What applying a batch did, and what is left to ask the server. */
export interface Applied {
  readonly conversations: Map<ConversationId, ConversationRecord>;
  readonly removed: Set<ConversationId>;
  readonly settled: OutboxRecord[];
  /** Conversations of which more has to be known than events say. */
  readonly unknown: Set<ConversationId>;
}

/** Writes events into the store, in order; they may be of several conversations and chains. */
export async function applyEvents(tx: Tx, me: UserId, gen: number, batch: readonly Incoming[]): Promise<Applied> {
  const applied: Applied = { conversations: new Map(), removed: new Set(), settled: [], unknown: new Set() };
  for (const [id, incoming] of byConversation(batch)) await new One(tx, me, gen, id, applied).apply(incoming);
  for (const { event } of batch) if (conversationOf(event) === null) await applyPersonal(tx, event, me, applied);
  return applied;
}

function byConversation(batch: readonly Incoming[]): Map<ConversationId, Incoming[]> {
  const groups = new Map<ConversationId, Incoming[]>();
  for (const incoming of batch) {
    const id = conversationOf(incoming.event);
    if (id === null) continue;
    const group = groups.get(id);
    if (group === undefined) groups.set(id, [incoming]);
    else group.push(incoming);
  }
  return groups;
}

/** The events of one conversation. */
class One {
  readonly #tx: Tx;
  readonly #me: UserId;
  readonly #gen: number;
  readonly #id: ConversationId;
  readonly #applied: Applied;

  constructor(tx: Tx, me: UserId, gen: number, id: ConversationId, applied: Applied) {
    this.#tx = tx;
    this.#me = me;
    this.#gen = gen;
    this.#id = id;
    this.#applied = applied;
  }

  async apply(batch: readonly Incoming[]): Promise<void> {
    const stored = (await this.#tx.get('conversations', this.#id)) as ConversationRecord | undefined;
    const goneAt = stored?.state === GONE ? stored.lastSeq : -1;
    let record: ConversationRecord | null = stored === undefined || stored.state === GONE ? null : stored;
    let left: ConversationRecord | null = null;
    let live: Incoming[] = [];
    for (const incoming of batch) {
      const { event } = incoming;
      if (event.seq <= goneAt) continue;
      // What the record covers came before: from the list, or in an earlier delivery.
      const isNews = record === null || event.seq > record.lastSeq;
      if (isNews && beginsStay(event, this.#me) && isKnownEvent(event)) {
        forgetHistory(this.#tx, this.#id, event.seq);
        live = [{ ...incoming, event: { ...event, prev: 0 } }];
        this.#applied.removed.delete(this.#id);
        record = begun(record, event, this.#me, this.#gen);
        this.#applied.unknown.add(this.#id);
        continue;
      }
      if (isNews && endsStay(event, this.#me)) {
        forgetHistory(this.#tx, this.#id, null);
        live = [];
        left = gone(record ?? begun(null, event as KnownEvent, this.#me, this.#gen), event.seq);
        record = null;
        this.#applied.removed.add(this.#id);
        this.#applied.unknown.delete(this.#id);
        await this.#settleAcked();
        continue;
      }
      live.push(incoming);
      if (isKnownEvent(event)) record = await this.#known(record, event, live);
      else if (record !== null && event.seq > record.lastSeq) record = { ...record, lastSeq: event.seq };
      if (record === null) this.#applied.unknown.add(this.#id);
    }
    await appendLive(this.#tx, this.#id, live);
    this.#keep(stored ?? null, record ?? left ?? stored ?? null);
  }

  async #known(record: ConversationRecord | null, event: KnownEvent, live: Incoming[]): Promise<ConversationRecord | null> {
    await this.#settle(event);
    if (event.type === 'MESSAGE_EDITED') return this.#edit(record, event, live);
    if (isReplyInThread(event) || event.type === 'MESSAGE_ERASED') await this.#count(event, live);
    if (event.type === 'MESSAGE_ERASED') return this.#erase(record, event.message_seq, event.message_id, live, event.seq);
    if (event.type === 'MESSAGE_REACTED') await this.#react(event, live);
    if (record === null || event.seq <= record.lastSeq) return record;
    const next = { ...record, lastSeq: event.seq };
    // What is said in a thread is no news of the conversation.
    if (isReplyInThread(event)) return next;
    switch (event.type) {
      case 'MESSAGE_SENT':
        return {
          ...next,
          last: beginningOf(event),
          activityMs: event.at_ms,
          ...afterMessage(record, event, this.#me),
        };
      case 'CONVERSATION_RENAMED':
        return { ...next, title: event.title, activityMs: event.at_ms };
      case 'ROLE_CHANGED':
        return { ...next, role: event.user_id === this.#me ? event.role : record.role };
      case 'MEMBER_ADDED':
      case 'MEMBERS_ADDED':
      case 'MEMBER_REMOVED':
      case 'MEMBERS_REMOVED':
      case 'MESSAGE_PINNED':
        return { ...next, activityMs: event.at_ms };
      default:
        return next;
    }
  }

  /** What one published oneself, in the log, is as good as its ack. */
  async #settle(event: KnownEvent): Promise<void> {
    const own = publishedBy(event, this.#me);
    if (own === null) return;
    const waiting = (await this.#tx.get('outbox', own.clientId)) as OutboxRecord | undefined;
    if (waiting?.conversationId !== this.#id) return;
    this.#tx.delete('outbox', own.clientId);
    this.#applied.settled.push({ ...waiting, state: 'acked', ack: { messageId: own.id, seq: event.seq, atMs: event.at_ms } });
  }

  /** A reply counts at its thread's root. */
  async #count(event: ThreadReply | MessageErased, live: Incoming[]): Promise<void> {
    const at = event.thread?.seq;
    if (at === undefined) return;
    const index = live.findIndex((incoming) => incoming.event.seq === at && incoming.event.type === 'MESSAGE_SENT');
    const waiting = live[index];
    if (waiting === undefined) return countStored(this.#tx, this.#id, event);
    const root = waiting.event as MessageSent;
    live[index] = { ...waiting, event: event.type === 'MESSAGE_SENT' ? replied(root, event) : unreplied(root, event) };
  }

  async #react(event: MessageReacted, live: Incoming[]): Promise<void> {
    const index = live.findIndex((incoming) => incoming.event.seq === event.message_seq && incoming.event.type === 'MESSAGE_SENT');
    const waiting = live[index];
    if (waiting !== undefined) live[index] = { ...waiting, event: reacted(waiting.event as MessageSent, event) };
    else await reactStored(this.#tx, this.#id, event);
  }

  async #edit(record: ConversationRecord | null, edit: MessageEdited, live: Incoming[]): Promise<ConversationRecord | null> {
    const index = live.findIndex(({ event }) => event.seq === edit.message_seq && event.type === 'MESSAGE_SENT');
    const waiting = live[index];
    if (waiting !== undefined) live[index] = { ...waiting, event: edited(waiting.event as MessageSent, edit) };
    else await editStored(this.#tx, this.#id, edit);
    if (record === null) return null;
    const after = record.last === null ? null : edited(record.last, edit);
    const last = after === null || after === record.last ? record.last : beginningOf(after);
    return edit.seq <= record.lastSeq && last === record.last ? record : { ...record, lastSeq: Math.max(record.lastSeq, edit.seq), last };
  }

  /** After one's removal the events of what was acknowledged do not come. */
  async #settleAcked(): Promise<void> {
    for (const waiting of (await this.#tx.all('outbox')) as OutboxRecord[]) {
      if (waiting.conversationId !== this.#id || waiting.state !== 'acked') continue;
      this.#tx.delete('outbox', waiting.clientId);
      this.#applied.settled.push(waiting);
    }
  }

  async #erase(record: ConversationRecord | null, seq: Seq, id: string, live: Incoming[], at: Seq): Promise<ConversationRecord | null> {
    const index = live.findIndex(({ event }) => event.seq === seq);
    const waiting = live[index];
    let message: MessageSent | null;
    if (waiting !== undefined && waiting.event.type === 'MESSAGE_SENT') {
      message = waiting.event as MessageSent;
      live[index] = { ...waiting, event: erased(message) };
    } else message = await eraseStored(this.#tx, this.#id, seq, id);
    if (record === null) return null;
    const wasUnread = at > record.lastSeq && message !== null && counts(message, this.#me, seenUpto(record));
    return {
      ...record,
      lastSeq: Math.max(record.lastSeq, at),
      last: record.last?.message_id === id ? erased(record.last) : record.last,
      unread: wasUnread ? Math.max(0, record.unread - 1) : record.unread,
    };
  }

  #keep(stored: ConversationRecord | null, record: ConversationRecord | null): void {
    if (record === stored || record === null) return;
    const kept = { ...record, rev: (stored?.rev ?? 0) + 1 };
    this.#tx.put('conversations', this.#id, kept);
    this.#applied.conversations.set(this.#id, kept);
  }
}

/** Characters of the newest message's text that a row keeps. */
const SHOWN = 500;

/** A message as a list shows it: of a long text the beginning. */
export function beginningOf(message: MessageSent): MessageSent {
  const { body } = message;
  if (!isText(body) || body.text.length <= SHOWN) return message;
  // Not in the middle of a character of two halves.
  const end = /[\uD800-\uDBFF]/.test(body.text.charAt(SHOWN - 1)) ? SHOWN - 1 : SHOWN;
  return { ...message, body: { ...body, text: body.text.slice(0, end) } };
}

/** What is left of a conversation that one is not in any more: its place, and nothing that was said. */
function gone(record: ConversationRecord, seq: Seq): ConversationRecord {
  return { ...record, state: GONE, title: null, peer: null, last: null, unread: 0, lastSeq: seq, settings: USUAL_SETTINGS };
}

/** Behind which place messages are unread: the read mark, or where the person marked it as unread again. */
export function seenUpto({ readSeq, unreadFrom }: { readSeq: Seq; unreadFrom?: Seq | null | undefined }): Seq {
  return unreadFrom == null ? readSeq : Math.min(readSeq, unreadFrom - 1);
}

/** Who answers what they had marked as unread has read it. */
function afterMessage(record: ConversationRecord, event: MessageSent, me: UserId): { unread: number; unreadFrom: Seq | null } {
  const unreadFrom = record.unreadFrom ?? null;
  if (event.actor_id === me && unreadFrom !== null) return { unread: 0, unreadFrom: null };
  const isUnread = counts(event, me, seenUpto(record));
  return { unread: isUnread ? Math.min(record.unread + 1, MOST_UNREAD) : record.unread, unreadFrom };
}

/** Whether a message is unread: another's, with content, behind the mark, and in no thread. */
export function counts(message: MessageSent, me: UserId, readSeq: Seq): boolean {
  return message.actor_id !== me && message.body.type !== 'erased' && message.seq > readSeq && !isReplyInThread(message);
}

/** A conversation as the event says by which the person came into it. The server is asked for the rest. */
function begun(known: ConversationRecord | null, event: KnownEvent, me: UserId, gen: number): ConversationRecord {
  const { kind, title, role } = event as { kind: string; title?: string | null; role?: string };
  const byMe = event.actor_id === me;
  return {
    id: conversationOf(event) ?? '',
    kind,
    title: title ?? null,
    peer: known?.peer ?? null,
    role: role ?? (byMe && kind === 'group' ? 'owner' : 'member'),
    // Whether it is a request only the list says; until then it is nothing the person is bothered with.
    state: known?.state ?? (kind === 'direct' && !byMe ? UNSETTLED : 'accepted'),
    last: null,
    unread: 0,
    readSeq: known?.readSeq ?? 0,
    lastSeq: event.seq,
    activityMs: event.at_ms,
    settings: USUAL_SETTINGS,
    rev: known?.rev ?? 0,
    gen,
  };
}

async function applyPersonal(tx: Tx, event: ServerEvent, me: UserId, applied: Applied): Promise<void> {
  if (!isKnownEvent(event)) return;
  if (event.type === 'CONVERSATION_JOINED' && event.conversation_id) applied.unknown.add(event.conversation_id);
  if (event.type === 'MESSAGE_HIDDEN') return applyHidden(tx, event, me, applied);
  if (event.type === 'CONVERSATION_SETTINGS_CHANGED') return applySettings(tx, event, applied);
  if (event.type !== 'READ_MARK_MOVED') return;
  const id = event.conversation_id;
  const record = applied.conversations.get(id) ?? ((await tx.get('conversations', id)) as ConversationRecord | undefined);
  if (record === undefined) return;
  const read = await moveReadMark(tx, record, event.read_seq, me);
  const moved = await unreadAgain(tx, read ?? record, event.unread_from ?? null, me);
  if (moved === record) return;
  tx.put('conversations', id, moved);
  applied.conversations.set(id, moved);
}

/** The person set something for a conversation on one of their devices. */
async function applySettings(tx: Tx, event: EventOf<'CONVERSATION_SETTINGS_CHANGED'>, applied: Applied): Promise<void> {
  const id = event.conversation_id;
  const record = applied.conversations.get(id) ?? ((await tx.get('conversations', id)) as ConversationRecord | undefined);
  // Between two parts of the list that is being read it may have been seen in neither.
  if (record === undefined) applied.unknown.add(id);
  const next = record === undefined ? null : withSettings(record, settingsFor(event.settings));
  if (next === null) return;
  tx.put('conversations', id, next);
  applied.conversations.set(id, next);
}

/** How many of the newest are remembered, for answers of the server that are on their way. */
const HIDDEN_REMEMBERED = 100;

/** The person hid a message on one of their devices. */
async function applyHidden(tx: Tx, event: MessageHidden, me: UserId, applied: Applied): Promise<void> {
  const { conversation_id: id, message_id, message_seq } = event;
  const known = ((await tx.get('meta', 'hidden')) as Meta['hidden'] | undefined) ?? [];
  tx.put('meta', 'hidden', [...known, event].slice(-HIDDEN_REMEMBERED) satisfies Meta['hidden']);
  const message = await hideStored(tx, id, message_seq, message_id);
  const record = applied.conversations.get(id) ?? ((await tx.get('conversations', id)) as ConversationRecord | undefined);
  if (record === undefined || record.state === GONE) return;
  const wasUnread = message !== null && counts(message, me, seenUpto(record));
  const wasLast = record.last?.message_id === message_id;
  if (!wasUnread && !wasLast) return;
  const unread = wasUnread ? Math.max(0, record.unread - 1) : record.unread;
  const last = wasLast ? await newestShown(tx, id) : record.last;
  // Where the store does not reach back to one, the server does.
  if (last === null) applied.unknown.add(id);
  const kept = { ...record, unread, last, rev: record.rev + 1 };
  tx.put('conversations', id, kept);
  applied.conversations.set(id, kept);
}

/** The newest stored message that the person has not hidden. */
async function newestShown(tx: Tx, id: ConversationId): Promise<MessageSent | null> {
  const { events } = await readBefore(tx, id, null, LOOKED_AT);
  const found = events.findLast((event) => event.type === 'MESSAGE_SENT' && !isReplyInThread(event) && !(event as MessageSent).hidden);
  return found === undefined ? null : beginningOf(found as MessageSent);
}

/** Events among which it is looked for. */
const LOOKED_AT = 100;

/** The record with its read mark moved forward, and read from `seq` backwards; null when that changes nothing. */
export async function moveReadMark(tx: Tx, record: ConversationRecord, seq: Seq, me: UserId): Promise<ConversationRecord | null> {
  const upto = Math.min(seq, record.lastSeq);
  const readSeq = Math.max(upto, record.readSeq);
  const unreadFrom = record.unreadFrom != null && record.unreadFrom <= upto ? null : (record.unreadFrom ?? null);
  if (readSeq === record.readSeq && unreadFrom === (record.unreadFrom ?? null)) return null;
  const next = { ...record, readSeq, unreadFrom, rev: record.rev + 1 };
  const seen = seenUpto(next);
  const unread = seen >= record.lastSeq || record.unread === 0 ? 0 : Math.min(await countUnread(tx, record, seen, me), record.unread);
  return { ...next, unread };
}

/** The record marked as unread from there on, or no more; itself when it is so already. */
export async function unreadAgain(tx: Tx, record: ConversationRecord, from: Seq | null, me: UserId): Promise<ConversationRecord> {
  if ((record.unreadFrom ?? null) === from) return record;
  const next = { ...record, unreadFrom: from, rev: record.rev + 1 };
  const seen = seenUpto(next);
  return { ...next, unread: seen >= record.lastSeq ? 0 : await countUnread(tx, record, seen, me) };
}

/** Where the stored part does not reach back to the place, the old count stands. */
async function countUnread(tx: Tx, record: ConversationRecord, seen: Seq, me: UserId): Promise<number> {
  const { events, span } = await readBefore(tx, record.id, null, MOST_UNREAD);
  if (span === null) return record.unread;
  return events.filter((event) => event.type === 'MESSAGE_SENT' && counts(event as MessageSent, me, seen)).length;
}
