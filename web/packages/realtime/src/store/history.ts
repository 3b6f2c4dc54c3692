import type { ConversationId, MessageId, Seq } from '../api/ids.ts';
import {
  isKnownEvent,
  type MessageEdited,
  type MessageErased,
  type MessageReacted,
  type MessageSent,
  type ServerEvent,
} from '../wire/events.ts';
import { reacted } from './reactions.ts';
import { addSpan, lastSpan, type Span, spanAt } from './spans.ts';
import type { Tx } from './store.ts';
import { isReplyInThread, replied, type ThreadReply, unreplied } from './threads.ts';

/** Events of a page record. */
const PAGE = 50;
/** Characters of a page record's texts, as soon as there are more. */
const PAGE_CHARACTERS = 64 * 1024;

/** The complete parts of a conversation's history, in order. */
export async function readSpans(tx: Tx, conversation: ConversationId): Promise<readonly Span[]> {
  return ((await tx.get('spans', conversation)) as readonly Span[] | undefined) ?? [];
}

/**
 * Stores events of one conversation, in order of `seq`, and says that the history is complete over `cover`, which holds all of
 * them. The same events again change nothing, but an erased message stays erased.
 */
export async function insertHistory(
  tx: Tx,
  conversation: ConversationId,
  events: readonly ServerEvent[],
  cover: Span | null,
): Promise<void> {
  if (events.length > 0) {
    await insertEvents(tx, conversation, events);
    await amendBy(tx, conversation, events);
  }
  if (cover !== null) tx.put('spans', conversation, addSpan(await readSpans(tx, conversation), cover));
}

/**
 * Stores events as they came live, in order. Each is complete with the one that its `prev` names, or, where the server does not
 * know, with `follows`: the last event of the chain that came on the same run of the connection.
 */
export async function appendLive(
  tx: Tx,
  conversation: ConversationId,
  events: readonly { event: ServerEvent; follows: Seq | null }[],
): Promise<void> {
  if (events.length === 0) return;
  let spans = await readSpans(tx, conversation);
  for (const { event, follows } of events) {
    const before = event.prev ?? follows;
    const joined = before === 0 ? 0 : before === null ? null : (spanAt(spans, before)?.from ?? null);
    spans = addSpan(spans, { from: joined ?? event.seq, to: event.seq });
  }
  await insertEvents(
    tx,
    conversation,
    events.map(({ event }) => event),
  );
  tx.put('spans', conversation, spans);
}

/** Forgets a conversation's history. `beginsAt`: what comes from there on is all there is to see. */
export function forgetHistory(tx: Tx, conversation: ConversationId, beginsAt: Seq | null): void {
  tx.deleteRange('pages', conversation);
  if (beginsAt === null) tx.delete('spans', conversation);
  else tx.put('spans', conversation, [{ from: 0, to: beginsAt }] satisfies Span[]);
}

/** Drops the older pages of a history. What is dropped is read from the server when it is looked for. */
export async function trimHistory(tx: Tx, conversation: ConversationId, keepPages: number): Promise<void> {
  const pages = await tx.range('pages', { name: conversation, from: 0, to: Number.MAX_SAFE_INTEGER, begin: 'last', limit: keepPages + 1 });
  const first = pages[keepPages - 1];
  if (pages.length <= keepPages || first === undefined) return;
  tx.deleteRange('pages', conversation, first.at);
  const kept = (await readSpans(tx, conversation)).filter((span) => span.to >= first.at);
  tx.put(
    'spans',
    conversation,
    kept.map(({ from, to }) => ({ from: Math.max(from, first.at), to })),
  );
}

/** A part of a history, oldest first. */
export interface Slice {
  readonly events: readonly ServerEvent[];
  /** The complete part that they are from; null where nothing is stored. */
  readonly span: Span | null;
}

const NOTHING: Slice = { events: [], span: null };

/** The newest events before a place, all from the complete part that ends there or holds it. */
export async function readBefore(tx: Tx, conversation: ConversationId, before: Seq | null, limit: number): Promise<Slice> {
  const spans = await readSpans(tx, conversation);
  const span = before === null ? lastSpan(spans) : spanAt(spans, before - 1);
  if (span === null) return NOTHING;
  const to = before === null ? span.to : before - 1;
  const found: ServerEvent[] = [];
  let from = to;
  while (found.length < limit) {
    const [page] = await tx.range('pages', { name: conversation, from: 0, to: from, begin: 'last', limit: 1 });
    if (page === undefined) break;
    const events = eventsOf(page.value).filter((event) => event.seq <= to && event.seq >= span.from);
    found.unshift(...events);
    if (page.at <= span.from || page.at === 0) break;
    from = page.at - 1;
  }
  return { events: found.slice(-limit), span };
}

/** The oldest events behind a place, all from the complete part that holds it. */
export async function readAfter(tx: Tx, conversation: ConversationId, after: Seq, limit: number): Promise<Slice> {
  const span = spanAt(await readSpans(tx, conversation), after);
  if (span === null) return NOTHING;
  const [first] = await tx.range('pages', { name: conversation, from: 0, to: after, begin: 'last', limit: 1 });
  const found: ServerEvent[] = [];
  let from = first?.at ?? after;
  while (found.length < limit) {
    const [page] = await tx.range('pages', { name: conversation, from, to: span.to, begin: 'first', limit: 1 });
    if (page === undefined) break;
    found.push(...eventsOf(page.value).filter((event) => event.seq > after && event.seq <= span.to));
    from = page.at + 1;
  }
  return { events: found.slice(0, limit), span };
}

/** Erases the content of a stored message. Gives the message as it was, or null when it is not stored. */
export async function eraseStored(tx: Tx, conversation: ConversationId, seq: Seq, id: MessageId): Promise<MessageSent | null> {
  return replaceStored(tx, conversation, seq, id, erased);
}

async function replaceStored(
  tx: Tx,
  conversation: ConversationId,
  seq: Seq,
  id: MessageId,
  by: (message: MessageSent) => MessageSent,
): Promise<MessageSent | null> {
  const [page] = await tx.range('pages', { name: conversation, from: 0, to: seq, begin: 'last', limit: 1 });
  if (page === undefined) return null;
  const events = eventsOf(page.value);
  const index = events.findIndex((event) => event.seq === seq && (event as MessageSent).message_id === id);
  const message = events[index] as MessageSent | undefined;
  if (message === undefined) return null;
  tx.put('pages', [conversation, page.at], events.with(index, by(message)));
  return message;
}

/** Hides a stored message from the person. Gives the message as it was, or null when it is not stored. */
export async function hideStored(tx: Tx, conversation: ConversationId, seq: Seq, id: MessageId): Promise<MessageSent | null> {
  return replaceStored(tx, conversation, seq, id, hidden);
}

/** The message without its content, and never to be shown. */
export function hidden(message: MessageSent): MessageSent {
  return { ...erased(message), hidden: true };
}

/** The message without its content. */
export function erased(message: MessageSent): MessageSent {
  const nothing = { reply_to: null, edited_seq: null, edited_at_ms: null, reactions: [], reacted_seq: null };
  return { ...message, body: { type: 'erased' }, ...nothing };
}

/** The message after an edit; the same object where that changes nothing: the edit is an older one, or the content is gone. */
export function edited(message: MessageSent, edit: MessageEdited): MessageSent {
  const isOurs = message.message_id === edit.message_id && message.actor_id === edit.actor_id;
  if (!isOurs || message.body.type === 'erased' || edit.body.type === 'erased' || (message.edited_seq ?? 0) >= edit.seq) return message;
  return { ...message, body: edit.body, edited_seq: edit.seq, edited_at_ms: edit.at_ms };
}

/** Edits a stored message. */
export async function editStored(tx: Tx, conversation: ConversationId, edit: MessageEdited): Promise<void> {
  await changeStored(tx, conversation, edit.message_seq, (message) => edited(message, edit));
}

/** Counts a reaction to a stored message. */
export async function reactStored(tx: Tx, conversation: ConversationId, event: MessageReacted): Promise<void> {
  await changeStored(tx, conversation, event.message_seq, (message) => reacted(message, event));
}

/** Counts a reply, or takes a deleted one out, at the stored root of its thread. */
export async function countStored(tx: Tx, conversation: ConversationId, event: ThreadReply | MessageErased): Promise<void> {
  if (!event.thread) return;
  await changeStored(tx, conversation, event.thread.seq, (root) =>
    event.type === 'MESSAGE_SENT' ? replied(root, event) : unreplied(root, event),
  );
}

/** `by` gives the same object where nothing changes. */
async function changeStored(tx: Tx, conversation: ConversationId, seq: Seq, by: (message: MessageSent) => MessageSent): Promise<void> {
  const [page] = await tx.range('pages', { name: conversation, from: 0, to: seq, begin: 'last', limit: 1 });
  if (page === undefined) return;
  const events = eventsOf(page.value);
  const index = events.findIndex((event) => event.seq === seq && event.type === 'MESSAGE_SENT');
  const message = events[index] as MessageSent | undefined;
  if (message === undefined) return;
  const after = by(message);
  if (after !== message) tx.put('pages', [conversation, page.at], events.with(index, after));
}

/** What the server read a moment ago may be older than what has come live meanwhile: the newest stored events say so. */
async function amendBy(tx: Tx, conversation: ConversationId, events: readonly ServerEvent[]): Promise<void> {
  const inserted = new Set(events.map(({ seq }) => seq));
  const pages = await tx.range('pages', { name: conversation, from: 0, to: Number.MAX_SAFE_INTEGER, begin: 'last', limit: 2 });
  for (const event of pages.flatMap((page) => eventsOf(page.value))) {
    if (!isKnownEvent(event)) continue;
    if ((isReplyInThread(event) || event.type === 'MESSAGE_ERASED') && inserted.has(event.thread?.seq ?? 0))
      await countStored(tx, conversation, event);
    if (event.type === 'MESSAGE_EDITED' && inserted.has(event.message_seq)) await editStored(tx, conversation, event);
    if (event.type === 'MESSAGE_REACTED' && inserted.has(event.message_seq)) await reactStored(tx, conversation, event);
    if (event.type === 'MESSAGE_ERASED' && inserted.has(event.message_seq))
      await eraseStored(tx, conversation, event.message_seq, event.message_id);
  }
}

async function insertEvents(tx: Tx, conversation: ConversationId, events: readonly ServerEvent[]): Promise<void> {
  const sorted = [...events].sort((a, b) => a.seq - b.seq);
  const [first, last] = [sorted[0]?.seq ?? 0, sorted.at(-1)?.seq ?? 0];
  const [holder] = await tx.range('pages', { name: conversation, from: 0, to: first, begin: 'last', limit: 1 });
  const inside = await tx.range('pages', { name: conversation, from: first + 1, to: last, begin: 'first', limit: Number.MAX_SAFE_INTEGER });
  const pages = holder === undefined ? inside : [holder, ...inside];
  // A full page that ends before the new events stays as it is.
  if (holder !== undefined && isFull(eventsOf(holder.value)) && (eventsOf(holder.value).at(-1)?.seq ?? 0) < first) pages.shift();
  const merged = new Map<Seq, ServerEvent>();
  for (const page of pages) for (const event of eventsOf(page.value)) merged.set(event.seq, event);
  for (const event of sorted) merged.set(event.seq, kept(merged.get(event.seq), event));
  const all = [...merged.values()].sort((a, b) => a.seq - b.seq);
  const stale = new Set(pages.map((page) => page.at));
  for (const page of pagesOf(all)) {
    const key = page[0]?.seq ?? 0;
    stale.delete(key);
    tx.put('pages', [conversation, key], page);
  }
  for (const key of stale) tx.delete('pages', [conversation, key]);
}

function isFull(page: readonly ServerEvent[]): boolean {
  return page.length >= PAGE || page.reduce((sum, event) => sum + charactersOf(event), 0) >= PAGE_CHARACTERS;
}

function pagesOf(events: readonly ServerEvent[]): ServerEvent[][] {
  const pages: ServerEvent[][] = [];
  for (const event of events) {
    const page = pages.at(-1);
    if (page === undefined || isFull(page)) pages.push([event]);
    else page.push(event);
  }
  return pages;
}

/** A message's text; other events have hardly any. */
export function charactersOf(event: ServerEvent): number {
  const { text } = ((event as Partial<MessageSent>).body ?? {}) as { text?: unknown };
  return typeof text === 'string' ? text.length : 0;
}

function kept(stored: ServerEvent | undefined, event: ServerEvent): ServerEvent {
  if (stored?.type !== 'MESSAGE_SENT' || event.type !== 'MESSAGE_SENT') return event;
  return newest(stored as MessageSent, event as MessageSent);
}

/**
 * Of two copies of a message what is later of each: what was erased stays so, the newest edit counts, and the newest reaction. The same
 * object as one of them where that has all.
 */
export function newest(one: MessageSent, other: MessageSent): MessageSent {
  if (one.body.type === 'erased') return one;
  if (other.body.type === 'erased') return other;
  const replies = (one.replies?.upto_seq ?? 0) > (other.replies?.upto_seq ?? 0) ? one : other;
  const merged = newestOf(one, other);
  return merged.replies === replies.replies ? merged : { ...merged, replies: replies.replies ?? null };
}

function newestOf(one: MessageSent, other: MessageSent): MessageSent {
  const text = (one.edited_seq ?? 0) > (other.edited_seq ?? 0) ? one : other;
  const reactions = (one.reacted_seq ?? 0) > (other.reacted_seq ?? 0) ? one : other;
  if (text === reactions) return text;
  if ((one.edited_seq ?? 0) === (other.edited_seq ?? 0)) return reactions;
  if ((one.reacted_seq ?? 0) === (other.reacted_seq ?? 0)) return text;
  return { ...text, reactions: reactions.reactions ?? [], reacted_seq: reactions.reacted_seq ?? null };
}

function eventsOf(value: unknown): readonly ServerEvent[] {
  return value as readonly ServerEvent[];
}
