// Generated from docs/asyncapi.json by `npm run generate`. Do not edit.

/** A field's check; `?` says that it may be absent or null. */
export type Check = string;

/** The frames of a server by their type, with their fields. */
export const shapes: Readonly<Record<string, Readonly<Record<string, Check>>>> = {
  welcome: { idle_timeout_ms: 'number', max_in_flight: 'number', server_time_ms: 'number', session_id: 'string', user_id: 'string' },
  message_ack: { client_id: 'string', conversation_id: 'string', message_id: 'string', sent_at_ms: 'number', seq: 'number' },
  user_typing: { conversation_id: 'string', state: 'string', until_ms: 'number?', user_id: 'string' },
  receipts: { conversation_id: 'string', delivered: 'array?', read: 'array?' },
  user_presence: { people: 'array' },
  progress: { position: 'string' },
  caught_up: { position: 'string' },
  reset: { position: 'string', reason: 'string' },
  pong: { position: 'string?', server_time_ms: 'number' },
  error: { client_id: 'string?', code: 'string', message: 'string', retry_after_ms: 'number?', retryable: 'boolean' },
  MESSAGE_SENT: { actor_id: 'string', at_ms: 'number', body: 'tagged', client_id: 'string', conversation_id: 'string', message_id: 'string', reply_to: 'object?' },
  CONVERSATION_CREATED: { actor_id: 'string', at_ms: 'number', conversation_id: 'string', kind: 'string', members: 'array', title: 'string?' },
  MEMBER_ADDED: { actor_id: 'string', at_ms: 'number', conversation_id: 'string', kind: 'string', role: 'string', title: 'string?', user_id: 'string' },
  MEMBER_REMOVED: { actor_id: 'string', at_ms: 'number', conversation_id: 'string', user_id: 'string' },
  MEMBERS_ADDED: { actor_id: 'string', at_ms: 'number', conversation_id: 'string', kind: 'string', role: 'string', title: 'string?', user_ids: 'strings' },
  MEMBERS_REMOVED: { actor_id: 'string', at_ms: 'number', conversation_id: 'string', user_ids: 'strings' },
  CONVERSATION_RENAMED: { actor_id: 'string', at_ms: 'number', conversation_id: 'string', title: 'string' },
  ROLE_CHANGED: { actor_id: 'string', at_ms: 'number', conversation_id: 'string', role: 'string', user_id: 'string' },
  MESSAGE_EDITED: { actor_id: 'string', at_ms: 'number', body: 'tagged', client_id: 'string', conversation_id: 'string', message_id: 'string', message_seq: 'number' },
  MESSAGE_ERASED: { actor_client_id: 'string?', actor_id: 'string?', at_ms: 'number', client_id: 'string', conversation_id: 'string', message_id: 'string', message_prev: 'number?', message_seq: 'number', sender_id: 'string', sent_at_ms: 'number', stored_at_ms: 'number' },
  MESSAGE_REACTED: { actor_id: 'string', at_ms: 'number', client_id: 'string', conversation_id: 'string', emoji: 'string', message_id: 'string', message_seq: 'number', on: 'boolean' },
  USER_REGISTERED: { actor_id: 'string?', at_ms: 'number', user_id: 'string' },
  USER_SEEN: { actor_id: 'string?', at_ms: 'number', user_id: 'string' },
  CONVERSATION_JOINED: { actor_id: 'string?', at_ms: 'number', conversation_id: 'string', user_id: 'string' },
  CONVERSATION_LEFT: { actor_id: 'string?', at_ms: 'number', conversation_id: 'string', user_id: 'string' },
  CONVERSATION_INVITED: { actor_id: 'string', at_ms: 'number', conversation_id: 'string', user_id: 'string' },
  INVITATION_ENDED: { actor_id: 'string?', at_ms: 'number', conversation_id: 'string', user_id: 'string' },
  SESSION_REVOKED: { actor_id: 'string?', at_ms: 'number', session_id: 'string', user_id: 'string' },
  SESSION_STARTED: { actor_id: 'string?', at_ms: 'number', device_name: 'string', session_id: 'string', user_id: 'string' },
  PROFILE_CHANGED: { actor_id: 'string', at_ms: 'number', display_name: 'string', user_id: 'string' },
  READ_MARK_MOVED: { actor_id: 'string', at_ms: 'number', conversation_id: 'string', read_seq: 'number', unread_from: 'number?', user_id: 'string' },
  SETTINGS_CHANGED: { actor_id: 'string', at_ms: 'number', availability: 'string?', presence_to: 'string?', read_receipts: 'boolean?', user_id: 'string' },
  MESSAGE_HIDDEN: { actor_id: 'string', at_ms: 'number', conversation_id: 'string', message_id: 'string', message_seq: 'number', user_id: 'string' },
  CONVERSATION_SETTINGS_CHANGED: { actor_id: 'string', at_ms: 'number', conversation_id: 'string', settings: 'object', user_id: 'string' },
  DRAFT_CHANGED: { actor_id: 'string', at_ms: 'number', conversation_id: 'string', user_id: 'string', version: 'number' },
  SCHEDULED_MESSAGE_CHANGED: { actor_id: 'string', at_ms: 'number', client_id: 'string', conversation_id: 'string', refusal: 'string?', send_at_ms: 'number', state: 'string', user_id: 'string' },
};
