import { closeCodes, commandsPath, eventsPath, socketPath } from '../generated/values.ts';
import type { AccessTokens } from '../rest/fetch.ts';
import { SseParser } from './sse.ts';
import type { Channel, ChannelEnd, ChannelListener, Transport } from './transport.ts';

/** Milliseconds until the stream begins. */
const CONNECT_TIMEOUT_MS = 10_000;
/** Milliseconds for the answer to a command: longer than the server tries to have it stored. */
const COMMAND_TIMEOUT_MS = 30_000;
/** A stream on which nothing comes for so long, not even a comment, is dead. The server says something every 15 s. */
const SILENCE_MS = 45_000;
/** Commands without an answer. */
const MAY_BE_LOST: readonly string[] = ['typing_start', 'typing_stop', 'received', 'presence', 'watch_presence'];
/** Of these the newest counts: one after the other, so that none overtakes another on its way to the stream's gateway. */
const NEWEST_COUNTS: readonly string[] = ['presence', 'watch_presence'];
/**
 * Statuses that say nothing of the command: a gateway of before has no such path. What names a message that is not there, as an edit
 * may, has 404 too, and a code of its own.
 */
const ABOUT_ADDRESS: readonly number[] = [404, 405];
const ABOUT_COMMAND: readonly string[] = ['unknown_message', 'unknown_user', 'unknown_session', 'unknown_invitation'];
/** Refusals of a token. */
const ABOUT_TOKEN: readonly string[] = ['token_expired', 'unauthenticated'];

/**
 * Frames as Server-Sent Events, commands in requests of their own: for networks that let no WebSocket through. It is read with
 * `fetch`, because an `EventSource` sends no token but in the URL.
 */
export class EventStreamTransport implements Transport {
  readonly #fetch: typeof globalThis.fetch;

  constructor(fetch: typeof globalThis.fetch = (input, init) => globalThis.fetch(input, init)) {
    this.#fetch = fetch;
  }

  connect(url: string, listener: ChannelListener, tokens?: AccessTokens): Channel {
    return new StreamChannel(httpBase(url), listener, tokens ?? null, this.#fetch);
  }
}

/** Where a gateway answers requests. Throws a `TypeError` for what is no gateway's address. */
export function httpBase(gateway: string): string {
  const url = new URL(gateway);
  const scheme = { 'ws:': 'http:', 'http:': 'http:', 'wss:': 'https:', 'https:': 'https:' }[url.protocol];
  if (scheme === undefined || url.search !== '' || url.hash !== '' || url.host === '') {
    throw new TypeError(`${gateway} is not a gateway's address: ws:// or wss:// without a query is expected`);
  }
  const path = url.pathname.replace(/\/+$/, '');
  return `${scheme}//${url.host}${path.endsWith(socketPath) ? path.slice(0, -socketPath.length) : path}`;
}

/** What is known of a refusal, whatever else it holds. */
interface Problem {
  readonly code: string;
  readonly message: string;
  readonly retryable: boolean;
  readonly retryAfterMs: number | null;
  readonly closeCode: number | null;
}

class StreamChannel implements Channel {
  readonly #base: string;
  readonly #listener: ChannelListener;
  readonly #tokens: AccessTokens | null;
  readonly #fetch: typeof globalThis.fetch;
  readonly #over = new AbortController();
  #hello: string | null = null;
  /** By type, the newest of what is said one after the other. */
  readonly #unsaid = new Map<string, string>();
  #isSaying = false;
  #silence: ReturnType<typeof setTimeout> | null = null;

  constructor(base: string, listener: ChannelListener, tokens: AccessTokens | null, fetch: typeof globalThis.fetch) {
    this.#base = base;
    this.#listener = listener;
    this.#tokens = tokens;
    this.#fetch = fetch;
    // The request is the hello: there is nothing to wait for before it is said.
    queueMicrotask(() => {
      if (!this.#over.signal.aborted) listener.onOpen();
    });
  }

  send(text: string): void {
    if (this.#over.signal.aborted) return;
    if (this.#hello === null) {
      this.#hello = text;
      void this.#stream(text);
      return;
    }
    const { type } = JSON.parse(text) as { type: string };
    if (NEWEST_COUNTS.includes(type)) {
      this.#unsaid.set(type, text);
      if (!this.#isSaying) void this.#sayNewest();
    } else void this.#command(text);
  }

  async #sayNewest(): Promise<void> {
    this.#isSaying = true;
    for (let next = this.#takeUnsaid(); next !== null; next = this.#takeUnsaid()) await this.#command(next);
    this.#isSaying = false;
  }

  #takeUnsaid(): string | null {
    for (const [type, text] of this.#unsaid) {
      this.#unsaid.delete(type);
      return text;
    }
    return null;
  }

  close(code: number): void {
    // As a socket's end, it is told later.
    queueMicrotask(() => this.#end({ code, reason: '' }));
  }

  async #stream(hello: string): Promise<void> {
    this.#hear(CONNECT_TIMEOUT_MS);
    try {
      const response = await this.#post(eventsPath, hello, null, this.#over.signal);
      if (!response.ok) {
        const problem = await problemOf(response);
        if (problem === null) throw new Error(`status ${response.status}`);
        this.#frame(errorFrame(problem, null));
        const retry = problem.retryAfterMs === null ? '' : JSON.stringify({ retry_after_ms: problem.retryAfterMs });
        this.#end({ code: problem.closeCode ?? (problem.retryable ? 1006 : closeCodes.protocol_violation), reason: retry });
        return;
      }
      if (!/^text\/event-stream\b/.test(response.headers.get('content-type') ?? '') || response.body === null) throw new Error('no stream');
      const parser = new SseParser((event, data) => this.#message(event, data));
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        this.#hear(SILENCE_MS);
        const { value, done } = await reader.read();
        if (done || this.#over.signal.aborted) break;
        parser.take(value);
      }
      this.#end({ code: 1006, reason: 'the stream ended' });
    } catch (error) {
      this.#end({ code: 1006, reason: String(error) });
    }
  }

  #message(event: string, data: string): void {
    if (event === 'message') this.#frame(data);
    else if (event === 'close') {
      const { close_code } = JSON.parse(data) as { close_code?: unknown };
      this.#end({ code: typeof close_code === 'number' ? close_code : 1006, reason: data });
    }
  }

  async #command(text: string): Promise<void> {
    const { type, client_id } = JSON.parse(text) as { type: string; client_id?: string };
    try {
      const response = await this.#ask(text);
      if (response.status === 204 || this.#over.signal.aborted) return;
      if (response.ok) {
        this.#frame(await response.text());
        return;
      }
      const problem = await problemOf(response);
      if (problem === null) throw new Error(`status ${response.status}`);
      if (problem.code === 'session_revoked') this.#end({ code: closeCodes.session_revoked, reason: '' });
      else if (ABOUT_TOKEN.includes(problem.code)) this.#end({ code: closeCodes.token_expired, reason: '' });
      else if (!ABOUT_ADDRESS.includes(response.status) || ABOUT_COMMAND.includes(problem.code))
        this.#frame(errorFrame(problem, client_id ?? null));
      else throw new Error(`status ${response.status}`);
    } catch (error) {
      // What was said is said again behind the next hello. What may be lost is not worth it.
      if (!MAY_BE_LOST.includes(type)) this.#end({ code: 1006, reason: String(error) });
    }
  }

  /** Asks, once more with another token if this one is refused: streams outlive their tokens. */
  async #ask(text: string): Promise<Response> {
    const signal = AbortSignal.any([this.#over.signal, AbortSignal.timeout(COMMAND_TIMEOUT_MS)]);
    const token = (await this.#tokens?.accessToken()) ?? tokenOf(this.#hello);
    const response = await this.#post(commandsPath, text, token, signal);
    if (response.status !== 401) return response;
    const problem = await problemOf(response.clone());
    if (problem === null || !ABOUT_TOKEN.includes(problem.code)) return response;
    const fresh = await this.#tokens?.accessToken(token);
    return fresh && fresh !== token ? this.#post(commandsPath, text, fresh, signal) : response;
  }

  #post(path: string, body: string, token: string | null, signal: AbortSignal): Promise<Response> {
    const headers: Record<string, string> = { 'content-type': 'application/json' };
    if (token !== null) headers['authorization'] = `Bearer ${token}`;
    return this.#fetch(this.#base + path, {
      method: 'POST',
      headers,
      body,
      signal,
      redirect: 'error',
      credentials: 'omit',
      cache: 'no-store',
    });
  }

  #frame(text: string): void {
    if (!this.#over.signal.aborted) this.#listener.onFrame(text);
  }

  #hear(ms: number): void {
    if (this.#silence !== null) clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#end({ code: 1006, reason: 'nothing came in time' }), ms);
  }

  #end(end: ChannelEnd): void {
    if (this.#over.signal.aborted) return;
    this.#over.abort();
    if (this.#silence !== null) clearTimeout(this.#silence);
    this.#listener.onEnd(end);
  }
}

function tokenOf(hello: string | null): string {
  return hello === null ? '' : (JSON.parse(hello) as { token: string }).token;
}

/** Null: it is no answer of the server's. */
async function problemOf(response: Response): Promise<Problem | null> {
  const body: unknown = await response.json().catch(() => null);
  if (typeof body !== 'object' || body === null) return null;
  const { code, detail, retryable, retry_after_ms, close_code } = body as Record<string, unknown>;
  if (typeof code !== 'string' || typeof retryable !== 'boolean') return null;
  return {
    code,
    message: String(detail),
    retryable,
    retryAfterMs: typeof retry_after_ms === 'number' ? retry_after_ms : null,
    closeCode: typeof close_code === 'number' ? close_code : null,
  };
}

/** What a socket would have said. */
function errorFrame({ code, message, retryable, retryAfterMs }: Problem, clientId: string | null): string {
  const named = clientId === null ? {} : { client_id: clientId };
  const asked = retryAfterMs === null ? {} : { retry_after_ms: retryAfterMs };
  return JSON.stringify({ type: 'error', code, message, retryable, ...named, ...asked });
}
