import { ApiError } from '../api/errors.ts';
import type { Problem } from './types.ts';

/** Whether an answer's body is a refusal of this protocol. */
export function isProblem(body: unknown): body is Problem {
  return typeof body === 'object' && body !== null && typeof (body as Problem).code === 'string';
}

export function refused(problem: Problem): ApiError {
  return new ApiError(problem.code, problem.detail ?? problem.title ?? problem.code, {
    retryable: problem.retryable === true,
    retryAfterMs: problem.retry_after_ms ?? null,
    status: problem.status,
    requestId: problem.request_id,
  });
}

/** Something between here and the server answered, such as a proxy or a network that asks for a log-in: later it may not. */
export function unexpected(status: number, cause?: unknown): ApiError {
  return new ApiError('unexpected_answer', `an answer with status ${status} in a form that is not RelayHub's`, {
    retryable: true,
    status,
    cause,
  });
}

export function unreachable(cause: unknown): ApiError {
  return new ApiError('network', 'no answer from the server', { retryable: true, cause });
}

export function noSession(): ApiError {
  return new ApiError('no_session', 'not logged in', { retryable: false });
}
