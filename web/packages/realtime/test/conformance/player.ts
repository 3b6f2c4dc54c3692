import type { ConnectionState, Notice } from '../../src/api/connection.ts';
import { ApiError, type ClientOptions, RealtimeClient, type Sending, type ServerEvent, type Transport } from '../../src/index.ts';
import type { SessionRecord } from '../../src/state/records.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { soon, until } from '../soon.ts';
import { type Command, Gateway, LEFT, MAX_IN_FLIGHT, type Peer, SERVER_TIME_MS, StreamPeer } from './gateway.ts';
import { conversation, fill, ME, type Script, type Step } from './script.ts';

interface SendStep {
  as: string;
  conversation: number;
  text: string;
  fails?: string;
  /** The message that it answers. */
  reply_to?: string;
  /** The message under which it is said. */
  thread?: string;
  /** The message that says `text` from now on. */
  edits?: string;
  /** The message that is to be gone for everyone. */
  deletes?: string;
  /** The message to which it is a reaction, with `emoji`, `on` or not. */
  reacts?: string;
  /** The message that it pins, `on` or not. */
  pins?: string;
  emoji?: string;
  on?: boolean;
}

const SESSION: SessionRecord = { userId: ME, sessionId: 'S', handle: 'me', displayName: 'Me', refreshToken: 'r0' };

/** Plays a script: the gateway's part over a real socket, the program's part with the client. */
export class Player {
  readonly #script: Script;
  readonly #transport: Transport;
  readonly #gateway = new Gateway();
  readonly #store = new MemoryStore();
  readonly #keys = new Map<string, string>();
  readonly #sendings = new Map<string, Sending>();
  readonly #events: ServerEvent[] = [];
  readonly #states: ConnectionState[] = [];
  readonly #notices: Notice[] = [];
  #news: (() => void) | null = null;
  #client: RealtimeClient | null = null;
  #peer: Peer | null = null;
  #port = 0;
  #since = 0;

  /** `transport` carries it. */
  constructor(script: Script, transport: Transport) {
    this.#script = script;
    this.#transport = transport;
    this.#gateway.me = ME;
  }

  async play(): Promise<void> {
    this.#port = await this.#gateway.listen();
    await this.#store.transaction(['meta'], { write: true }, async (tx) => {
      tx.put('meta', 'session', SESSION);
      const position = this.#script.stored_position;
      if (position !== undefined) tx.put('meta', 'position', fill(position, this.#keys));
    });
    try {
      await this.#start();
      for (const [n, step] of this.#script.steps.entries()) {
        try {
          await this.#step(step);
        } catch (error) {
          throw new Error(`step ${n + 1} ${JSON.stringify(step)}: ${(error as Error).message}`, { cause: error });
        }
      }
    } finally {
      this.#peer?.drop();
      await this.#client?.close();
      this.#gateway.close();
    }
  }

  async #start(): Promise<void> {
    const config = this.#script.config ?? {};
    const options: ClientOptions = {
      apiBase: `http://127.0.0.1:${this.#port}`,
      gateways: [`ws://127.0.0.1:${this.#port}`],
      store: this.#store,
      transport: this.#transport,
      reconnectBaseMs: config['reconnect_base_ms'] ?? 1,
      reportIntervalMs: config['report_interval_ms'] ?? 1,
      ...(config['ping_interval_ms'] === undefined ? {} : { pingIntervalMs: config['ping_interval_ms'] }),
      ...(config['pong_timeout_ms'] === undefined ? {} : { pongTimeoutMs: config['pong_timeout_ms'] }),
      ...(config['outbox_limit'] === undefined ? {} : { outboxLimit: config['outbox_limit'] }),
    };
    const client = await RealtimeClient.open(options);
    this.#client = client;
    client.onEvent((event) => {
      this.#events.push(event);
      this.#news?.();
    });
    client.connection.subscribe(() => {
      this.#states.push(client.connection.get());
      this.#news?.();
    });
    client.onNotice((notice) => {
      this.#notices.push(notice);
      this.#news?.();
    });
  }

  async #step(step: Step): Promise<void> {
    const [[name, raw] = ['', null]] = Object.entries(step);
    const say = (name === 'text' ? raw : fill(raw, this.#keys)) as never;
    const play = this.#plays[name];
    if (play === undefined) throw new Error(`${name} is no step`);
    await play(say);
  }

  get #to(): Peer {
    if (this.#peer === null) throw new Error('no socket is open');
    return this.#peer;
  }

  readonly #plays: Readonly<Record<string, (say: never) => Promise<unknown> | unknown>> = {
    accept: async ({ position, token }: { position: string | null; token?: string }) => {
      this.#peer = await this.#gateway.accept();
      const hello = await this.#peer.next('hello', ({ type }) => type === 'hello');
      same('position', hello.position ?? null, position);
      if (token !== undefined) same('token', hello.token, token);
    },
    welcome: () => {
      const welcome = { type: 'welcome', user_id: ME, session_id: 'S', server_time_ms: SERVER_TIME_MS };
      this.#to.frame({ ...welcome, idle_timeout_ms: 60_000, max_in_flight: MAX_IN_FLIGHT });
    },
    caught_up: (seq: number) => this.#to.frame({ type: 'caught_up', position: `position-${seq}` }),
    frame: (frame: object) => {
      this.#since = performance.now();
      this.#to.frame(frame);
    },
    text: (text: string) => this.#to.text(text),
    ack: ({ of, seq }: { of: string; seq: number }) => {
      const sent = this.#sends.get(of) ?? '';
      this.#to.frame({
        type: 'message_ack',
        client_id: this.#keys.get(of),
        conversation_id: sent,
        message_id: fill(`$m${seq}`, this.#keys),
        seq,
        sent_at_ms: SERVER_TIME_MS,
      });
    },
    pong: async ({ seq, reported }: { seq: number; reported?: string }) => {
      // Earlier reports may be on their way.
      for (;;) {
        const ping = await this.#to.next('a ping', ({ type }) => type === 'ping');
        this.#to.frame({ type: 'pong', server_time_ms: SERVER_TIME_MS, position: `position-${seq}` });
        if (reported === undefined || ping.position === reported) return;
      }
    },
    ignore_pings: () => undefined,
    close: (code: number) => this.#to.close(code),
    drop: () => this.#to.drop(),
    expect_close: async (code: number) => {
      const ended = await this.#to.ended();
      // Whoever leaves a stream does not say why.
      same('close code', ended, this.#to instanceof StreamPeer ? LEFT : code);
    },
    expect_send: async (say: string | { of: string; reply_to?: string; thread?: string }) => {
      const { of, reply_to, thread } = typeof say === 'string' ? { of: say } : say;
      const { inOrder } = this.#to;
      const wanted = ({ type, client_id }: Command): boolean => type === 'send_message' && (inOrder || client_id === this.#keys.get(of));
      const sent = await this.#to.next(`the send ${of}`, wanted);
      same('client_id', sent.client_id, this.#keys.get(of));
      if (reply_to !== undefined) same('reply_to', sent.reply_to, reply_to);
      if (thread !== undefined) same('thread', sent.thread, thread);
    },
    expect_edit: async ({ of, message }: { of: string; message: string }) => {
      const sent = await this.#to.next(`the edit ${of}`, ({ type }) => type === 'edit_message');
      same('client_id and message', [sent.client_id, sent.message_id], [this.#keys.get(of), message]);
    },
    expect_delete: async ({ of, message }: { of: string; message: string }) => {
      const sent = await this.#to.next(`the deletion ${of}`, ({ type }) => type === 'delete_message');
      same('client_id and message', [sent.client_id, sent.message_id], [this.#keys.get(of), message]);
    },
    expect_react: async ({ of, message, emoji, on }: { of: string; message: string; emoji: string; on: boolean }) => {
      const sent = await this.#to.next(`the reaction ${of}`, ({ type }) => type === 'react');
      same('the reaction', [sent.client_id, sent.message_id, sent.emoji, sent.on], [this.#keys.get(of), message, emoji, on]);
    },
    expect_pin: async ({ of, message, on }: { of: string; message: string; on: boolean }) => {
      const sent = await this.#to.next(`the pin ${of}`, ({ type }) => type === 'pin_message');
      same('the pin', [sent.client_id, sent.message_id, sent.on], [this.#keys.get(of), message, on]);
    },
    expect_quiet: () => this.#to.quiet('send_message'),
    expect_no_ping: () => this.#to.quiet('ping'),
    expect_waited: (ms: number) => this.#late(ms),
    expect_key_behind_server: (of: string) => {
      const time = [...(this.#keys.get(of) ?? '').slice(0, 10)].reduce(
        (ms, digit) => ms * 32 + '0123456789ABCDEFGHJKMNPQRSTVWXYZ'.indexOf(digit),
        0,
      );
      if (time >= SERVER_TIME_MS || time < SERVER_TIME_MS - 60_000) throw new Error(`minted at ${time}`);
    },
    send: ({ as, conversation: n, text, fails, reply_to, thread, edits, deletes, reacts, pins, emoji = '', on = false }: SendStep) => {
      try {
        const of = (messageId: string | undefined) => (messageId === undefined ? undefined : { messageId, seq: 1 });
        const [replyTo, root] = [of(reply_to), of(thread)];
        const to = { ...(replyTo && { replyTo }), ...(root && { thread: root }) };
        const sending =
          pins !== undefined
            ? this.#must.pin(conversation(n), { messageId: pins, seq: 1 }, on)
            : reacts !== undefined
              ? this.#must.react(conversation(n), { messageId: reacts, seq: 1 }, emoji, on)
              : deletes !== undefined
                ? this.#must.delete(conversation(n), { messageId: deletes, seq: 1 })
                : edits !== undefined
                  ? this.#must.edit(conversation(n), { messageId: edits, seq: 1 }, text)
                  : this.#must.send(conversation(n), text, to);
        this.#keys.set(as, sending.clientId);
        this.#sends.set(as, conversation(n));
        this.#sendings.set(as, sending);
        sending.acknowledged.catch(() => undefined);
        if (fails !== undefined) throw new Error('it was taken');
        return sending.stored;
      } catch (error) {
        if (fails === undefined || !(error instanceof ApiError)) throw error;
        return same('refusal', error.code, fails);
      }
    },
    expect_acked: async ({ of, seq }: { of: string; seq: number }) => {
      const ack = await soon('the ack', () => this.#sending(of).acknowledged);
      same('seq', ack.seq, seq);
    },
    expect_sent: async (of: string) => {
      const { outbox } = this.#must;
      await until(`${of} to be sent`, outbox, (waiting) => !waiting.some(({ clientId }) => clientId === this.#keys.get(of)));
    },
    expect_refused: async ({ of, code }: { of: string; code: string | null }) => {
      const refusal: unknown = await soon('the refusal', () =>
        this.#sending(of).acknowledged.then(
          () => null,
          (error: unknown) => error,
        ),
      );
      if (!(refusal instanceof ApiError)) throw new Error('it was acknowledged');
      if (code !== null) same('code', refusal.code, code);
    },
    expect_event: async ({ type, seq, misshapen }: { type: string; seq: number; misshapen?: boolean }) => {
      const event = await this.#wait('an event', () => this.#events.shift());
      same('event', [event.type, event.seq], [misshapen ? `?${type}` : type, seq]);
    },
    expect_no_event: () => same('further events', this.#events, []),
    expect_gap: () => this.#wait('the gap', () => this.#states.find(({ reason }) => reason === 'gap')),
    expect_reset: (reason: string) =>
      this.#wait('the reset', () => this.#notices.find((notice) => notice.kind === 'reset' && notice.reason === reason)),
    expect_state: (state: string) => until(state, this.#must.connection, (connection) => connection.state === state),
    expect_stored_position: async (position: string) => {
      let seen: unknown;
      await soon(
        `the stored position ${position}`,
        async () => {
          while (seen !== position) seen = await this.#store.transaction(['meta'], {}, (tx) => tx.get('meta', 'position').then(breathe));
        },
        () => seen,
      );
    },
    restart: async () => {
      // As a crash: nothing is said, and what was written is all that is left.
      const { abort } = this.#must as unknown as { abort(): void };
      abort.call(this.#must);
      this.#peer?.drop();
      await this.#start();
    },
    close_client: async (steps: Step[]) => {
      const closing = this.#must.close();
      for (const step of steps) await this.#step(step);
      await soon('goodbye', () => closing);
    },
  };

  readonly #sends = new Map<string, string>();

  get #must(): RealtimeClient {
    if (this.#client === null) throw new Error('there is no client');
    return this.#client;
  }

  #sending(of: string): Sending {
    const sending = this.#sendings.get(of);
    if (sending === undefined) throw new Error(`${of} was not sent`);
    return sending;
  }

  #late(ms: number): void {
    // Clocks of timers are coarse.
    const waited = performance.now() - this.#since;
    if (waited < ms - 2) throw new Error(`it came after ${waited} ms`);
  }

  #wait<T>(what: string, found: () => T | undefined): Promise<T> {
    const seen = (): unknown => ({ events: this.#events, states: this.#states.slice(-5) });
    return soon(
      what,
      async () => {
        for (;;) {
          const value = found();
          if (value !== undefined) return value;
          await new Promise<void>((resolve) => {
            this.#news = resolve;
          });
        }
      },
      seen,
    );
  }
}

async function breathe(value: unknown): Promise<unknown> {
  await new Promise((resolve) => setImmediate(resolve));
  return value;
}

function same(what: string, actual: unknown, expected: unknown): void {
  if (JSON.stringify(actual) !== JSON.stringify(expected))
    throw new Error(`${what}: ${JSON.stringify(actual)}, not ${JSON.stringify(expected)}`);
}
