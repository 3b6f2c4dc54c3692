import type { KnownErrorCode } from '../api/errors.ts';
import { openPaths } from '../generated/values.ts';
import { noSession, unexpected, unreachable } from './problems.ts';

/** Milliseconds for a whole call: longer than the server tries to have an event acknowledged. */
const CALL_TIMEOUT_MS = 30_000;

/** Gives tokens that the server takes. */
export interface AccessTokens {
  /**
   * The present access token, renewed if it has run out or is the one that was `refused`. Null without a session; rejects
   * when renewing fails for now.
   */
  accessToken(refused?: string): Promise<string | null>;
}

/** Whose tokens a call has, which is settled when it begins: one session's refusal is never answered with another's token. */
export type TokenSource = AccessTokens | null | (() => AccessTokens | null);

/** Characters of a body at most: several times the largest page. */
const MOST_CHARACTERS = 64 * 1024 * 1024;

/** Refusals of a token. Renewing it finds out whether the session is over. */
const ABOUT_TOKEN: readonly string[] = ['token_expired', 'unauthenticated', 'session_revoked'] satisfies KnownErrorCode[];

/**
 * A `fetch` that adds the token, tries once more with a fresh one when the server refuses it, bounds the time,
 * and rejects with `ApiError` when nobody answers.
 */
export function fetchWithTokens(
  base: string,
  fetch: typeof globalThis.fetch,
  source: TokenSource,
): (request: Request) => Promise<Response> {
  const prefix = new URL(base).pathname.replace(/\/+$/, '');
  const send = async (request: Request): Promise<Response> => {
    const signal = AbortSignal.any([request.signal, AbortSignal.timeout(CALL_TIMEOUT_MS)]);
    try {
      return await fetch(request, { signal, redirect: 'error', credentials: 'omit', cache: 'no-store' });
    } catch (error) {
      throw unreachable(error);
    }
  };
  return async (request) => {
    const tokens = typeof source === 'function' ? source() : source;
    // What needs no session goes without a token; everything else has one, or is not sent at all.
    const path = new URL(request.url).pathname;
    if (openPaths.some((open) => path === prefix + open)) return whole(await send(request));
    const token = await tokens?.accessToken();
    if (!token) throw noSession();
    const first = await send(authorised(request.clone(), token));
    if (first.status !== 401 || !ABOUT_TOKEN.includes(await codeOf(first))) return whole(first);
    const fresh = await tokens?.accessToken(token);
    if (!fresh || fresh === token) return whole(first);
    return whole(await send(authorised(request, fresh)));
  };
}

function authorised(request: Request, token: string): Request {
  request.headers.set('authorization', `Bearer ${token}`);
  return request;
}

async function codeOf(response: Response): Promise<string> {
  const body: unknown = await response
    .clone()
    .json()
    .catch(() => null);
  return String((body as { code?: unknown } | null)?.code);
}

/** The answer with its whole body read and looked at, so that a broken one is an `ApiError` too. */
async function whole(response: Response): Promise<Response> {
  if (response.status === 204) return response;
  let text: string | null;
  try {
    text = await bounded(response);
  } catch (error) {
    throw unreachable(error);
  }
  if (text === null) throw unexpected(response.status);
  try {
    JSON.parse(text);
  } catch (error) {
    throw unexpected(response.status, error);
  }
  return new Response(text, { status: response.status, headers: response.headers });
}

/** The body as text; null when it is more than any answer of the server's. */
async function bounded(response: Response): Promise<string | null> {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  const parts: string[] = [];
  for (let length = 0; reader !== undefined; ) {
    const { value, done } = await reader.read();
    if (done) break;
    length += value.length;
    if (length > MOST_CHARACTERS) {
      await reader.cancel();
      return null;
    }
    parts.push(value);
  }
  return parts.join('');
}
