// Generated from docs/asyncapi.json and docs/openapi.json by `npm run generate`. Do not edit.

/** Every registered close code by its name. */
export const closeCodes = {
  normal: 1000,
  draining: 4000,
  slow_reader: 4001,
  idle_timeout: 4002,
  resync: 4003,
  busy: 4004,
  token_expired: 4005,
  hello_timeout: 4006,
  process_paused: 4007,
  unauthenticated: 4500,
  session_revoked: 4501,
  protocol_violation: 4502,
  frame_too_large: 4503,
  flooding: 4504,
} as const;

/** Where the socket is on a gateway. */
export const socketPath = '/v1/ws';

/** Where streams of events begin. */
export const eventsPath = '/v1/events';

/** Where commands are posted. */
export const commandsPath = '/v1/commands';

/** The bytes of UTF-8 that a message's text has at most. */
export const maxTextBytes = 16384;

/** REST that needs no session. */
export const openPaths: readonly string[] = [
  '/v1/auth/login',
  '/v1/auth/refresh',
  '/v1/auth/register',
];
