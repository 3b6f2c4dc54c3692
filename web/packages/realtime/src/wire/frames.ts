import type { MessageBody } from '../api/messages.ts';
import type { components } from '../generated/asyncapi.ts';
import type { ServerEvent } from './events.ts';
import { isKnownType, isWellFormed } from './shapes.ts';

type Schemas = components['schemas'];

/** A refusal on the socket. With `client_id` it speaks of that send. */
export type ErrorFrame = Readonly<Omit<Schemas['frame_error'], 'code'>> & { readonly code: string };
/** The answer to a send. */
export type AckFrame = Readonly<Schemas['frame_message_ack']>;
/** The answer to hello. */
export type WelcomeFrame = Readonly<Schemas['frame_welcome']>;
/** What was stored proves nothing about what follows. */
export type ResetFrame = Readonly<Omit<Schemas['frame_reset'], 'reason'>> & { readonly reason: string };

/** Somebody types, or has stopped. */
export interface TypingFrame {
  readonly type: 'user_typing';
  readonly conversation_id: string;
  readonly user_id: string;
  readonly state: string;
  readonly until_ms?: number | null;
}

/** Control frames: what has no place in a chain. */
export type ControlFrame =
  | WelcomeFrame
  | AckFrame
  | Readonly<Schemas['frame_progress']>
  | Readonly<Schemas['frame_caught_up']>
  | ResetFrame
  | Readonly<Schemas['frame_pong']>
  | TypingFrame
  | ErrorFrame;

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

/** Encodes commands. */
export const encode = {
  hello(token: string, position: string | null): string {
    return JSON.stringify(position === null ? { type: 'hello', token } : { type: 'hello', token, position });
  },
  send(clientId: string, conversationId: string, body: MessageBody): string {
    return JSON.stringify({ type: 'send_message', client_id: clientId, conversation_id: conversationId, body });
  },
  ping(position: string | null): string {
    return JSON.stringify(position === null ? { type: 'ping' } : { type: 'ping', position });
  },
  typing(conversationId: string, typing: boolean): string {
    return JSON.stringify({ type: typing ? 'typing_start' : 'typing_stop', conversation_id: conversationId });
  },
};
