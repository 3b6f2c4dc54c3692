export type { Drafts, Invitations, Sending, TypingState, Users } from './api/client.ts';
export type * from './api/connection.ts';
export * from './api/conversations.ts';
export { ApiError, type ApiErrorDetails, type ErrorCode, type LocalErrorCode } from './api/errors.ts';
export type * from './api/ids.ts';
export type * from './api/members.ts';
export * from './api/messages.ts';
export type * from './api/options.ts';
export type * from './api/pins.ts';
export type * from './api/presence.ts';
export type * from './api/readable.ts';
export * from './api/receipts.ts';
export type * from './api/scheduled.ts';
export type * from './api/session.ts';
export type * from './api/threads.ts';
export type * from './api/timeline.ts';
export { maxTextBytes } from './generated/values.ts';
export { RealtimeClient } from './open.ts';
export { type ConversationPage, type HistoryQuery, RestClient } from './rest/client.ts';
export type * from './rest/types.ts';
export { MemoryStore } from './store/memory.ts';
export {
  type Entry,
  type Key,
  type Range,
  type Store,
  StoreError,
  type StoreFailure,
  TABLES,
  type Table,
  type Tx,
  type TxOptions,
} from './store/store.ts';
export { EventStreamTransport } from './transport/event-stream.ts';
export { FallbackTransport } from './transport/fallback.ts';
export type { Channel, ChannelEnd, ChannelListener, Transport } from './transport/transport.ts';
export { WebSocketTransport } from './transport/websocket.ts';
export * from './wire/events.ts';
