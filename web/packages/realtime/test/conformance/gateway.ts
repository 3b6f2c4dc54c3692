import { createServer, type Server } from 'node:http';
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
  body?: unknown;
}

/** One socket, seen from the gateway. */
export class Peer {
  readonly #socket: WebSocket;
  readonly #commands: Command[] = [];
  #wake: (() => void) | null = null;
  closed: number | null = null;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data) => {
      this.#commands.push(JSON.parse(String(data)) as Command);
      this.#wake?.();
    });
    socket.on('close', (code) => {
      this.closed = code;
      this.#wake?.();
    });
  }

  text(text: string): void {
    this.#socket.send(text);
  }

  frame(frame: object): void {
    this.text(JSON.stringify(frame));
  }

  /** The next command that `wanted` takes; others before it are dropped. */
  async next(what: string, wanted: (command: Command) => boolean): Promise<Command> {
    return soon(what, async () => {
      for (;;) {
        const command = this.#commands.shift();
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
    this.#socket.close(code, JSON.stringify({ code: 'x' }));
    await this.ended();
  }

  async ended(): Promise<number> {
    return soon('the close', async () => {
      while (this.closed === null) await this.#news();
      return this.closed;
    });
  }

  drop(): void {
    this.#socket.terminate();
  }

  #news(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}

/** A server that does what a script says: sockets are played, REST answers the least that a client needs. */
export class Gateway {
  readonly #server: Server;
  readonly #peers: Peer[] = [];
  #wake: (() => void) | null = null;
  #tokens = 0;
  me = '';

  constructor() {
    this.#server = createServer((request, response) => {
      const answer = this.#answer(request.url ?? '');
      response.writeHead(answer === null ? 404 : 200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(answer ?? { code: 'not_found', detail: 'x', retryable: false }));
    });
    new WebSocketServer({ server: this.#server, path: '/v1/ws' }).on('connection', (socket) => {
      this.#peers.push(new Peer(socket));
      this.#wake?.();
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
