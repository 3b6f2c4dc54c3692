import type { components } from '../generated/openapi.ts';
import type { Open } from './ids.ts';

/** A refusal of the registry. */
export type KnownErrorCode = components['schemas']['ErrorCode'];

/** A registered refusal, or one of a newer server's. What each means is in docs/errors.md. */
export type ErrorCode = Open<KnownErrorCode>;

/** Codes that never come from a server: what went wrong on the way. */
export type LocalErrorCode =
  /** Nobody answered, or the answer did not arrive whole. A change may have happened. */
  | 'network'
  /** An answer that is not this protocol's, as from a proxy. */
  | 'unexpected_answer'
  /** The call needs a session and there is none. */
  | 'no_session'
  /** As many messages wait as may. */
  | 'outbox_full'
  /** The device's store refused. */
  | 'store';

/** What a refusal says besides its code. */
export interface ApiErrorDetails {
  /** Whether the same call may succeed later without any change. */
  retryable: boolean;
  /** Milliseconds to wait before the next try, where the server knows. */
  retryAfterMs?: number | null;
  /** The HTTP status; absent when there was no answer. */
  status?: number | null;
  /** The request's id, to quote to the operator. */
  requestId?: string | null;
  cause?: unknown;
}

/** A call that did not succeed. Programs match on `code`; the text is for people and may change. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly code: ErrorCode | LocalErrorCode;
  readonly retryable: boolean;
  readonly retryAfterMs: number | null;
  readonly status: number | null;
  readonly requestId: string | null;

  constructor(code: ErrorCode | LocalErrorCode, detail: string, details: ApiErrorDetails) {
    super(detail, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.retryable = details.retryable;
    this.retryAfterMs = details.retryAfterMs ?? null;
    this.status = details.status ?? null;
    this.requestId = details.requestId ?? null;
  }
}
