import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { soon } from '../soon.ts';

export const SERVER_TIME_MS = 1_900_000_000_000;
export const MAX_IN_FLIGHT = 8;
/** How long "nothing comes" is watched, in milliseconds. */
const QUIET_MS = 60;

export interface Command {
  type: string;
  token?: string;
  position?: string;
  client_id?: string;
  conversation_id?: string;
  message_id?: string;
  reply_to?: string;
  thread?: string;
  emoji?: string;
  on?: boolean;
  body?: unknown;
}

/** One connection, seen from the gateway. */
export abstract class Peer {
  readonly #commands: Command[] = [];
  #wake: (() => void) | null = null;
  /** Whether commands come as they were said. Requests of their own may overtake one another. */
  readonly inOrder: boolean = true;
  /** How it ended: the close code, where the client says one. */
  closed: number | null = null;

  /** Says a frame. */
  abstract text(text: string): void;
  protected abstract end(code: number): void;
  abstract drop(): void;

  frame(frame: object): void {
    this.text(JSON.stringify(frame));
  }

  /** The next command that `wanted` takes; others before it are dropped. */
  async next(what: string, wanted: (command: Command) => boolean): Promise<Command> {
    return soon(what, async () => {
      for (;;) {
        const at = this.inOrder ? 0 : this.#commands.findIndex(wanted);
        const [command] = at < 0 ? [] : this.#commands.splice(at, 1);
        if (command !== undefined) {
          if (wanted(command)) return command;
        } else if (this.closed !== null) throw new Error(`the client closed with ${this.closed} instead of ${what}`);
        else await this.#news();
      }
    });
  }

  /** No command of a type comes for a moment. */
  async quiet(type: string): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, QUIET_MS));
    const came = this.#commands.filter((command) => command.type === type);
    if (came.length > 0) throw new Error(`${JSON.stringify(came)} came`);
  }

  async close(code: number): Promise<void> {
    this.end(code);
    await this.ended();
  }

  async ended(): Promise<number> {
    return soon('the close', async () => {
      while (this.closed === null) await this.#news();
      return this.closed;
    });
  }

  protected heard(command: Command): void {
    this.#commands.push(command);
    this.#wake?.();
  }

  protected over(code: number): void {
    this.closed ??= code;
    this.#wake?.();
  }

  #news(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}

class SocketPeer extends Peer {
  readonly #socket: WebSocket;

  constructor(socket: WebSocket) {
    super();
    this.#socket = socket;
    socket.on('message', (data) => this.heard(JSON.parse(String(data)) as Command));
    socket.on('close', (code) => this.over(code));
  }

  text(text: string): void {
    this.#socket.send(text);
  }

  protected end(code: number): void {
    this.#socket.close(code, JSON.stringify({ code: 'x' }));
  }

  drop(): void {
    this.#socket.terminate();
  }
}

/** The code of a stream that its client left: it cannot say one. */
export const LEFT = 0;

/** A stream, and the commands that are posted beside it. */
export class StreamPeer extends Peer {
  override readonly inOrder = false;
  readonly #stream: ServerResponse;
  /** Commands that have no answer yet. */
  readonly #asked: [Command, ServerResponse][] = [];

  constructor(hello: Command, stream: ServerResponse) {
    super();
    this.#stream = stream;
    stream.writeHead(200, { 'content-type': 'text/event-stream' });
    stream.flushHeaders();
    stream.on('close', () => this.over(LEFT));
    this.heard(hello);
  }

  command(command: Command, response: ServerResponse): void {
    this.#asked.push([command, response]);
    this.heard(command);
  }

  /** Answers what it answers, and is written otherwise. */
  text(text: string): void {
    const frame = frameOf(text);
    const answers = frame?.type === 'message_ack' || frame?.type === 'error';
    if (frame?.type === 'pong') this.#pong(frame);
    else if (answers && frame.client_id !== undefined) this.#answer(({ client_id }) => client_id === frame.client_id, frame);
    else this.#stream.write(`data: ${text.replaceAll(/[\r\n]/g, ' ')}\n\n`);
  }

  /** A pong says the time, and the stream how far it came. */
  #pong({ position, ...pong }: Frame): void {
    this.#answer(({ type }) => type === 'ping', pong);
    this.text(JSON.stringify({ type: 'progress', position }));
  }

  #answer(wanted: (command: Command) => boolean, frame: Frame): void {
    const at = this.#asked.findIndex(([command]) => wanted(command));
    const [, response] = this.#asked.splice(at, at < 0 ? 0 : 1)[0] ?? [];
    if (response === undefined) return;
    const { type, message: detail, ...rest } = frame;
    const refused = type === 'error';
    const about = (frame as { code?: string }).code;
    const status = about === 'token_expired' ? 401 : refused ? 409 : 200;
    response.writeHead(status, { 'content-type': refused ? 'application/problem+json' : 'application/json' });
    response.end(JSON.stringify(refused ? { ...rest, detail } : frame));
  }

  protected end(code: number): void {
    this.#stream.end(`event: close\ndata: ${JSON.stringify({ code: 'x', close_code: code })}\n\n`);
    this.over(code);
    this.#hangUp();
  }

  /** Nothing more; what was said before arrives. */
  drop(): void {
    this.#stream.socket?.destroySoon();
    this.#hangUp();
  }

  #hangUp(): void {
    for (const [, response] of this.#asked.splice(0)) response.destroy();
  }
}

interface Frame {
  readonly type?: string;
  readonly client_id?: string;
  readonly position?: string;
  readonly message?: string;
}

function frameOf(text: string): Frame | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' ? (value as Frame | null) : null;
  } catch {
    return null;
  }
}

/** A server that does what a script says: sockets are played, REST answers the least that a client needs. */
export class Gateway {
  readonly #server: Server;
  readonly #peers: Peer[] = [];
  #stream: StreamPeer | null = null;
  #wake: (() => void) | null = null;
  #tokens = 0;
  me = '';
  /** Whether it knows no commands by POST, as a gateway of before. */
  isOld = false;
  /** Whether no WebSocket gets through. */
  blocksSockets = false;
  /** Sockets that were refused for it. */
  blocked = 0;

  constructor() {
    this.#server = createServer((request, response) => {
      const posted = request.url === '/v1/events' || (request.url === '/v1/commands' && !this.isOld);
      if (request.method === 'POST' && posted) {
        void this.#hear(request, response);
        return;
      }
      const answer = this.#answer(request.url ?? '');
      response.writeHead(answer === null ? 404 : 200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(answer ?? { code: 'not_found', detail: 'x', retryable: false }));
    });
    const verifyClient = (): boolean => {
      if (this.blocksSockets) this.blocked += 1;
      return !this.blocksSockets;
    };
    new WebSocketServer({ server: this.#server, path: '/v1/ws', verifyClient }).on('connection', (socket) => {
      this.#came(new SocketPeer(socket));
    });
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return (this.#server.address() as AddressInfo).port;
  }

  async accept(): Promise<Peer> {
    return soon('a connection', async () => {
      for (;;) {
        const peer = this.#peers.shift();
        if (peer !== undefined) return peer;
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    });
  }

  async #hear(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = '';
    for await (const part of request) body += String(part);
    const command = JSON.parse(body) as Command;
    if (request.url === '/v1/events') {
      this.#stream = new StreamPeer(command, response);
      this.#came(this.#stream);
    } else this.#stream?.command({ ...command, token: request.headers.authorization ?? '' }, response);
  }

  #came(peer: Peer): void {
    this.#peers.push(peer);
    this.#wake?.();
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #answer(url: string): object | null {
    if (url === '/v1/auth/refresh') {
      this.#tokens += 1;
      return {
        user_id: this.me,
        session_id: 'S',
        access_token: `token-${this.#tokens}`,
        expires_in_s: 900,
        refresh_token: `r${this.#tokens}`,
      };
    }
    if (url.startsWith('/v1/users/me/conversations')) return { conversations: [] };
    if (url === '/v1/invitations') return { invitations: [] };
    return null;
  }
}
