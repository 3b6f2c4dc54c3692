import { isText, type MessageBody } from '../api/messages.ts';
import type { components } from '../generated/asyncapi.ts';
import type { ServerEvent } from './events.ts';
import { isKnownType, isWellFormed } from './shapes.ts';

type Schemas = components['schemas'];
type ServerFrame = Schemas['ServerFrame'];
type Command = Schemas['Command'];

/** The document's lists are closed; what a server says is not. */
type Opened<T> = T extends unknown
  ? Readonly<
      Omit<T, 'code' | 'reason'> &
        (T extends { code: unknown } ? { code: string } : unknown) &
        (T extends { reason: unknown } ? { reason: string } : unknown)
    >
  : never;

/** Control frames: what has no place in a chain. */
export type ControlFrame = Opened<Exclude<ServerFrame, Schemas['EventPlace']>>;

type Control<Type extends ControlFrame['type']> = Extract<ControlFrame, { type: Type }>;
/** A refusal on the socket. With `client_id` it speaks of that send. */
export type ErrorFrame = Control<'error'>;
/** The answer to a send. */
export type AckFrame = Control<'message_ack'>;
/** The answer to hello. */
export type WelcomeFrame = Control<'welcome'>;
/** Somebody types, or has stopped. */
export type TypingFrame = Control<'user_typing'>;

/** Others have read further. */
export type ReceiptsFrame = Control<'receipts'>;

/** How people are there whom one watches. */
export type PresenceFrame = Control<'user_presence'>;

/** Up to where this device has what others said in a conversation. */
export type ReceivedUpto = Schemas['ReceivedUpto'];

/** A decoded frame: an event, a control frame, or nothing this version understands. */
export type Frame = { readonly event: ServerEvent } | { readonly control: ControlFrame } | null;

/**
 * Decodes a frame. What has `chain` and `seq` is an event, whatever its type. One of a known type whose fields are not as they
 * should be becomes an unknown one: it keeps its place, and its type begins with `?`. Anything else that is not understood is passed over.
 */
export function decodeFrame(text: string): Frame {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  const frame = value as Record<string, unknown>;
  const { type, chain, seq, prev } = frame as { type?: unknown; chain?: unknown; seq?: unknown; prev?: unknown };
  if (typeof type !== 'string') return null;
  if (typeof chain === 'string' && isSeq(seq) && (prev === undefined || prev === null || isSeq(prev))) {
    const misshapen = isKnownType(type) && !isWellFormed(frame);
    return { event: (misshapen ? { ...frame, type: `?${type}` } : frame) as unknown as ServerEvent };
  }
  return isWellFormed(frame) ? { control: frame as unknown as ControlFrame } : null;
}

function isSeq(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

const text = (command: Command): string => JSON.stringify(command);

/** Encodes commands. */
export const encode = {
  hello: (token: string, position: string | null): string => text({ type: 'hello', token, ...at(position) }),
  ping: (position: string | null): string => text({ type: 'ping', ...at(position) }),
  send: (
    clientId: string,
    conversationId: string,
    body: MessageBody,
    replyTo: string | null = null,
    thread: string | null = null,
  ): string =>
    text({
      type: 'send_message',
      client_id: clientId,
      conversation_id: conversationId,
      body: wire(body),
      ...(replyTo === null ? {} : { reply_to: replyTo }),
      ...(thread === null ? {} : { thread }),
    }),
  edit: (clientId: string, conversationId: string, messageId: string, body: MessageBody): string =>
    text({ type: 'edit_message', client_id: clientId, conversation_id: conversationId, message_id: messageId, body: wire(body) }),
  delete: (clientId: string, conversationId: string, messageId: string): string =>
    text({ type: 'delete_message', client_id: clientId, conversation_id: conversationId, message_id: messageId }),
  received: (conversations: readonly ReceivedUpto[]): string => text({ type: 'received', conversations: [...conversations] }),
  presence: (active: boolean, conversationId: string | null): string =>
    text({ type: 'presence', state: active ? 'active' : 'idle', ...(conversationId === null ? {} : { conversation_id: conversationId }) }),
  watchPresence: (users: readonly string[]): string => text({ type: 'watch_presence', users: [...users] }),
  react: (clientId: string, conversationId: string, messageId: string, emoji: string, on: boolean): string =>
    text({ type: 'react', client_id: clientId, conversation_id: conversationId, message_id: messageId, emoji: emoji.toWellFormed(), on }),
  pin: (clientId: string, conversationId: string, messageId: string, on: boolean): string =>
    text({ type: 'pin_message', client_id: clientId, conversation_id: conversationId, message_id: messageId, on }),
  typing: (conversationId: string, typing: boolean): string =>
    text({ type: typing ? 'typing_start' : 'typing_stop', conversation_id: conversationId }),
};

function at(position: string | null): { position?: string } {
  return position === null ? {} : { position };
}

/**
 * Bodies of a newer server's are not in the document; this server says whether it takes them. Half a character, as it is left where a
 * text was cut, is no Unicode: no server could read the frame.
 */
function wire(body: MessageBody): Schemas['MessageBody'] {
  return (isText(body) ? { ...body, text: body.text.toWellFormed() } : body) as Schemas['MessageBody'];
}
