/** How a field is checked. A `?` says that it may be absent or null. */
type Check = 'string' | 'number' | 'boolean' | 'strings' | 'body' | 'string?' | 'number?';

const EVENT: Record<string, Check> = { actor_id: 'string?', at_ms: 'number' };
const OF_CONVERSATION: Record<string, Check> = { ...EVENT, conversation_id: 'string' };

/** The fields that this version relies on, by type. More may be there, of any shape. */
const SHAPES: Readonly<Record<string, Readonly<Record<string, Check>>>> = {
  MESSAGE_SENT: { ...OF_CONVERSATION, actor_id: 'string', message_id: 'string', client_id: 'string', body: 'body' },
  CONVERSATION_CREATED: { ...OF_CONVERSATION, kind: 'string', title: 'string?' },
  MEMBER_ADDED: { ...OF_CONVERSATION, user_id: 'string', role: 'string', kind: 'string', title: 'string?' },
  MEMBERS_ADDED: { ...OF_CONVERSATION, user_ids: 'strings', role: 'string', kind: 'string', title: 'string?' },
  MEMBER_REMOVED: { ...OF_CONVERSATION, user_id: 'string' },
  MEMBERS_REMOVED: { ...OF_CONVERSATION, user_ids: 'strings' },
  CONVERSATION_RENAMED: { ...OF_CONVERSATION, title: 'string' },
  ROLE_CHANGED: { ...OF_CONVERSATION, user_id: 'string', role: 'string' },
  MESSAGE_ERASED: { ...OF_CONVERSATION, message_id: 'string', message_seq: 'number' },
  READ_MARK_MOVED: { ...OF_CONVERSATION, read_seq: 'number' },
  CONVERSATION_JOINED: EVENT,
  CONVERSATION_LEFT: EVENT,
  CONVERSATION_INVITED: EVENT,
  INVITATION_ENDED: EVENT,
  SESSION_REVOKED: EVENT,
  SESSION_STARTED: EVENT,
  PROFILE_CHANGED: EVENT,
  welcome: { user_id: 'string', session_id: 'string', server_time_ms: 'number', idle_timeout_ms: 'number', max_in_flight: 'number' },
  message_ack: { client_id: 'string', conversation_id: 'string', message_id: 'string', seq: 'number', sent_at_ms: 'number' },
  progress: { position: 'string' },
  caught_up: { position: 'string' },
  reset: { reason: 'string', position: 'string' },
  pong: { server_time_ms: 'number', position: 'string?' },
  user_typing: { conversation_id: 'string', user_id: 'string', state: 'string', until_ms: 'number?' },
  error: { code: 'string', message: 'string', client_id: 'string?', retryable: 'boolean', retry_after_ms: 'number?' },
};

/** Whether this version knows the type. */
export function isKnownType(type: string): boolean {
  return Object.hasOwn(SHAPES, type);
}

/** Whether a frame of a known type has the fields that this version relies on. An unknown type has not. */
export function isWellFormed(frame: Readonly<Record<string, unknown>>): boolean {
  const shape = isKnownType(String(frame['type'])) ? SHAPES[String(frame['type'])] : undefined;
  if (shape === undefined) return false;
  return Object.entries(shape).every(([field, check]) => passes(frame[field], check));
}

function passes(value: unknown, check: Check): boolean {
  switch (check) {
    case 'string':
    case 'number':
    case 'boolean':
      return typeof value === check;
    case 'string?':
      return value === undefined || value === null || typeof value === 'string';
    case 'number?':
      return value === undefined || value === null || typeof value === 'number';
    case 'strings':
      return Array.isArray(value) && value.every((item) => typeof item === 'string');
    case 'body':
      return isBody(value);
  }
}

function isBody(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { type, text } = value as { type?: unknown; text?: unknown };
  return typeof type === 'string' && (type !== 'text' || typeof text === 'string');
}
