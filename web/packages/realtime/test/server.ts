import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import type { MessageSent, ServerEvent } from '../src/wire/events.ts';
import { soon } from './soon.ts';

const ME = 'me';

/** What REST says to a request: a status and a body; a text is sent as HTML, and status 0 breaks the connection instead. */
export type Answer = readonly [number, unknown];

/** A small server of one person's: a log of events, sockets that follow it, and REST over it. Acknowledges every send. */
export class TestServer {
  readonly #server: Server;
  readonly #sockets = new Set<WebSocket>();
  readonly requests: string[] = [];
  readonly typed: object[] = [];
  /** What clients said they have. */
  readonly received: { conversations: object[] }[] = [];
  /** Events of conversations, in order; positions count them. */
  readonly log: ServerEvent[] = [];
  /** Answers that differ from the usual one, which they are given, by method and path. */
  readonly answers = new Map<string, (usual: () => Answer, body: string, query: URLSearchParams) => Answer | Promise<Answer>>();
  invitations: object[] = [];
  /** Rows of the list. */
  conversations: ListRow[] = [];
  /** The refresh token that is good, and its predecessor, which gives the same successor until that is used. */
  #refresh = ['', 'r0'];
  refreshes = 0;
  hellos = 0;
  acks = true;
  /** Whether the link breaks now, before an answer. */
  loses: () => boolean = () => false;
  #changed: (() => void)[] = [];

  constructor() {
    this.#server = createServer((request, response) => {
      void readBody(request).then(async (body) => {
        const [status, answer] = await this.#answer(request, body);
        if (status === 0) {
          request.socket.destroy();
          return;
        }
        const isText = typeof answer === 'string';
        response.writeHead(status, { 'content-type': isText ? 'text/html' : 'application/json' });
        response.end(status === 204 ? undefined : isText ? answer : JSON.stringify(answer));
      });
    });
    new WebSocketServer({ server: this.#server, path: '/v1/ws' }).on('connection', (socket) => {
      socket.on('message', (data) => this.#hear(socket, JSON.parse(String(data)) as Record<string, string>));
      socket.on('close', () => {
        this.#sockets.delete(socket);
        this.#tell();
      });
    });
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get sockets(): number {
    return this.#sockets.size;
  }

  /** Waits until something about the server is as wanted. */
  until(what: string, wanted: () => boolean): Promise<void> {
    return soon(
      what,
      async () => {
        while (!wanted()) await new Promise<void>((resolve) => this.#changed.push(resolve));
      },
      () => ({ hellos: this.hellos, sockets: this.sockets, requests: this.requests }),
    );
  }

  /** Puts an event into the log and sends it to every socket. */
  happen(event: Omit<ServerEvent, 'seq' | 'prev'> & { chain: string }, seq = (this.log.at(-1)?.seq ?? 0) + 1): number {
    const prev = this.log.findLast(({ chain }) => chain === event.chain)?.seq ?? 0;
    const placed = { event_id: `m${seq}`, ...event, v: 1, seq, prev } as ServerEvent;
    this.log.push(placed);
    for (const socket of this.#sockets) socket.send(JSON.stringify(placed));
    return seq;
  }

  message(conversation: string, text: string, more: Partial<MessageSent> = {}): number {
    const seq = (this.log.at(-1)?.seq ?? 0) + 1;
    return this.happen({
      type: 'MESSAGE_SENT',
      chain: `c:${conversation}`,
      conversation_id: conversation,
      actor_id: 'other',
      at_ms: 1_000_000 + seq * 1000,
      message_id: `m${seq}`,
      client_id: `k${seq}`,
      body: { type: 'text', text },
      ...more,
    } as never);
  }

  /** What happens meanwhile reaches no socket. */
  unseen(what: () => void): void {
    const sockets = [...this.#sockets];
    this.#sockets.clear();
    what();
    for (const socket of sockets) this.#sockets.add(socket);
  }

  frame(frame: object): void {
    for (const socket of this.#sockets) socket.send(JSON.stringify(frame));
  }

  /** Breaks every link without a word. */
  break(): void {
    for (const socket of this.#sockets) socket.terminate();
  }

  cut(code = 4000): void {
    for (const socket of this.#sockets) socket.close(code);
  }

  close(): void {
    for (const socket of this.#sockets) socket.terminate();
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #hear(socket: WebSocket, command: Record<string, string>): void {
    switch (command['type']) {
      case 'hello': {
        this.hellos += 1;
        this.#sockets.add(socket);
        const welcome = {
          type: 'welcome',
          user_id: ME,
          session_id: 'S',
          server_time_ms: Date.now(),
          idle_timeout_ms: 60_000,
          max_in_flight: 64,
        };
        socket.send(JSON.stringify(welcome));
        const from = command['position'] === undefined ? this.log.length : Number(command['position']);
        for (const event of this.log.slice(from)) socket.send(JSON.stringify(event));
        socket.send(JSON.stringify({ type: 'caught_up', position: String(this.log.length) }));
        break;
      }
      case 'ping':
        socket.send(JSON.stringify({ type: 'pong', server_time_ms: Date.now(), position: String(this.log.length) }));
        break;
      case 'send_message': {
        if (!this.acks) break;
        const { client_id, conversation_id, body } = command as unknown as MessageSent;
        // The same key is the same message.
        const known = this.log.find(
          (event) => (event as Partial<MessageSent>).client_id === client_id && event.chain === `c:${conversation_id}`,
        );
        const seq = known?.seq ?? this.message(conversation_id, '', { actor_id: ME, client_id, body });
        if (this.loses()) {
          socket.terminate();
          break;
        }
        socket.send(
          JSON.stringify({ type: 'message_ack', client_id, conversation_id, message_id: `m${seq}`, seq, sent_at_ms: Date.now() }),
        );
        break;
      }
      case 'received':
        this.received.push(command as unknown as { conversations: object[] });
        break;
      default:
        this.typed.push(command);
    }
    this.#tell();
  }

  #answer({ method, url = '' }: IncomingMessage, body: string): Answer | Promise<Answer> {
    const { pathname, searchParams } = new URL(url, 'http://x');
    const key = `${method} ${pathname}`;
    this.requests.push(key);
    queueMicrotask(() => this.#tell());
    const own = this.answers.get(key);
    const usual = (): Answer => this.#usual(key, body, searchParams);
    return own === undefined ? usual() : own(usual, body, searchParams);
  }

  #usual(key: string, body: string, searchParams: URLSearchParams): Answer {
    const { pathname } = new URL(key.slice(key.indexOf(' ') + 1), 'http://x');
    switch (key) {
      case 'POST /v1/auth/login':
        return [200, { user_id: ME, session_id: 'S', access_token: 'login', expires_in_s: 900, refresh_token: 'r0' }];
      case 'POST /v1/auth/refresh':
        return this.#renew((JSON.parse(body) as { refresh_token: string }).refresh_token);
      case 'GET /v1/users/me':
        return [200, { user_id: ME, handle: 'me', display_name: 'Me' }];
      case 'GET /v1/users/me/conversations':
        return [200, { conversations: searchParams.get('state') === 'request' ? [] : this.conversations.map((row) => this.#row(row)) }];
      case 'GET /v1/invitations':
        return [200, { invitations: this.invitations }];
      case 'POST /v1/users/lookup':
        return [
          200,
          {
            users: (JSON.parse(body) as { user_ids: string[] }).user_ids.map((id) => ({
              user_id: id,
              handle: id,
              display_name: `Name of ${id}`,
            })),
          },
        ];
      case 'GET /v1/messages':
        return [200, this.#history(searchParams)];
      default:
        return /read$|logout$|accept$/.test(pathname) ? [204, null] : [404, { code: 'not_found', detail: 'x', retryable: false }];
    }
  }

  /** As the server's rotation: a token stays good until its successor is used. */
  #renew(token: string): Answer {
    this.refreshes += 1;
    const [before, present] = this.#refresh;
    if (token !== before && token !== present) return [401, { code: 'refresh_reused', detail: 'x', retryable: false }];
    if (token === present) this.#refresh = [token, `r${this.refreshes}`];
    return [200, { user_id: ME, session_id: 'S', access_token: `a${this.refreshes}`, expires_in_s: 900, refresh_token: this.#refresh[1] }];
  }

  /** A row with what the log says about it. */
  #row(row: ListRow): ListRow {
    const events = this.log.filter((event) => event.chain === `c:${row.conversation_id}`);
    const messages = events.filter((event) => event.type === 'MESSAGE_SENT') as MessageSent[];
    const last = messages.at(-1);
    return {
      ...row,
      last_seq: Math.max(row.last_seq, events.at(-1)?.seq ?? 0),
      unread_count: messages.filter((message) => message.actor_id !== ME && message.seq > row.read_seq).length,
      ...(last === undefined ? {} : { last_message: { ...last, sender_id: last.actor_id, sent_at_ms: last.at_ms } }),
    };
  }

  #history(query: URLSearchParams): object {
    const limit = Number(query.get('limit') ?? 50);
    const [before, after] = [query.get('before'), query.get('after')];
    let all = this.log.filter((event) => event.chain === `c:${query.get('conversation_id')}`);
    if (before !== null) all = all.filter(({ seq }) => seq < Number(before));
    if (after !== null) all = all.filter(({ seq }) => seq > Number(after));
    const page = after === null ? all.slice(-limit) : all.slice(0, limit);
    const messages = page
      .filter((event) => event.type === 'MESSAGE_SENT')
      .map((event) => {
        const { actor_id, at_ms, ...rest } = event as MessageSent;
        return { ...rest, sender_id: actor_id, sent_at_ms: at_ms };
      });
    return { messages, changes: page.filter((event) => event.type !== 'MESSAGE_SENT'), has_more: page.length < all.length };
  }

  #tell(): void {
    for (const wake of this.#changed.splice(0)) wake();
  }
}

async function readBody(request: IncomingMessage): Promise<string> {
  let body = '';
  for await (const chunk of request) body += String(chunk);
  return body;
}

interface ListRow {
  conversation_id: string;
  read_seq: number;
  last_seq: number;
  [field: string]: unknown;
}

/** A row of the list. */
export function listItem(id: string, lastSeq: number, more: object = {}): ListRow {
  return { conversation_id: id, kind: 'group', title: `Title of ${id}`, role: 'member', read_seq: lastSeq, last_seq: lastSeq, ...more };
}
