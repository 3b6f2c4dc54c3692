import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { EventStreamTransport, FallbackTransport, MemoryStore, RealtimeClient, type Transport } from '../src/index.ts';
import { httpBase } from '../src/transport/event-stream.ts';
import { SseParser } from '../src/transport/sse.ts';
import { Gateway, type Peer, SERVER_TIME_MS, StreamPeer } from './conformance/gateway.ts';
import { conversation, ME } from './conformance/script.ts';
import { soon, until } from './soon.ts';

const SESSION = { userId: ME, sessionId: 'S', handle: 'me', displayName: 'Me', refreshToken: 'r0' };

function parsed(...parts: string[]): [string, string][] {
  const messages: [string, string][] = [];
  const parser = new SseParser((event, data) => messages.push([event, data]));
  for (const part of parts) parser.take(part);
  return messages;
}

describe('a stream of events', () => {
  test('is taken apart wherever it was cut, with every end of a line', () => {
    const text = ': hello\n\nid: 7\nevent: close\ndata: {"a":\ndata:  1}\n\ndata: x\r\n\r\ndata: y\r\r\ndata: cut off';
    const whole = [
      ['close', '{"a":\n 1}'],
      ['message', 'x'],
      ['message', 'y'],
    ];
    expect(parsed(text)).toEqual(whole);
    expect(parsed(...text)).toEqual(whole);
  });

  test('that never ends a message is given up', () => {
    const parser = new SseParser(() => undefined);
    expect(() => {
      for (let n = 0; n < 10; n += 1) parser.take('x'.repeat(1024 * 1024));
    }).toThrow('too long');
  });

  test('is where the gateway answers requests', () => {
    for (const address of ['ws://h:1', 'http://h:1/', 'ws://h:1/v1/ws']) expect(httpBase(address)).toBe('http://h:1');
    expect(httpBase('wss://h/chat/v1/ws')).toBe('https://h/chat');
    for (const bad of ['', 'h:1', 'ftp://h', 'ws://h?token=x']) expect(() => httpBase(bad), bad).toThrow(TypeError);
  });
});

describe('a client', () => {
  let gateway: Gateway;
  let port = 0;
  let client: RealtimeClient | null = null;

  beforeEach(async () => {
    gateway = new Gateway();
    gateway.me = ME;
    port = await gateway.listen();
  });
  afterEach(async () => {
    await client?.close();
    client = null;
    gateway.close();
  });

  async function start(transport: Transport): Promise<RealtimeClient> {
    const store = new MemoryStore();
    await store.transaction(['meta'], { write: true }, async (tx) => {
      tx.put('meta', 'session', SESSION);
      tx.put('meta', 'position', 'position-1');
    });
    const options = { apiBase: `http://127.0.0.1:${port}`, gateways: [`ws://127.0.0.1:${port}`], store, transport, reconnectBaseMs: 1 };
    client = await RealtimeClient.open(options);
    return client;
  }

  async function live(client: RealtimeClient): Promise<Peer> {
    const peer = await gateway.accept();
    const { position } = await peer.next('hello', ({ type }) => type === 'hello');
    expect(position).toBe('position-1');
    const welcome = { type: 'welcome', user_id: ME, session_id: 'S', server_time_ms: SERVER_TIME_MS };
    peer.frame({ ...welcome, idle_timeout_ms: 60_000, max_in_flight: 8 });
    peer.frame({ type: 'caught_up', position: 'position-1' });
    await until('live', client.connection, ({ state }) => state === 'live');
    return peer;
  }

  async function sends(client: RealtimeClient, peer: Peer, text: string): Promise<void> {
    const sending = client.send(conversation(1), text);
    const { client_id, conversation_id } = await peer.next('the message', ({ type }) => type === 'send_message');
    peer.frame({ type: 'message_ack', client_id, conversation_id, message_id: `m${text}`, seq: 5, sent_at_ms: SERVER_TIME_MS });
    await soon('the ack', () => sending.acknowledged);
  }

  test('falls back to a stream when no socket gets through, and comes back when they do', async () => {
    gateway.blocksSockets = true;
    const client = await start(new FallbackTransport({ probeBaseMs: 50 }));
    const stream = await live(client);
    expect(stream).toBeInstanceOf(StreamPeer);
    expect(gateway.blocked).toBeGreaterThanOrEqual(2);
    await sends(client, stream, 'over a stream');
    // A look that finds nothing changes nothing.
    await soon('another look', async () => {
      for (const before = gateway.blocked; gateway.blocked < before + 2; ) await new Promise((resolve) => setTimeout(resolve, 5));
    });
    expect(client.connection.get().state).toBe('live');
    gateway.blocksSockets = false;
    // The first socket only looks; the second one is meant. One that opens and brings nothing does not count.
    const probe = await gateway.accept();
    await probe.next('a ping', ({ type }) => type === 'ping');
    expect(client.connection.get().state).toBe('live');
    probe.frame({ type: 'error', code: 'hello_required', message: 'x', retryable: false });
    await probe.ended();
    const socket = await live(client);
    expect(socket).not.toBeInstanceOf(StreamPeer);
    await stream.ended();
    await sends(client, socket, 'over a socket');
  });

  test('tries sockets again when nothing gets through at all', async () => {
    const tried: string[] = [];
    const nothing = (name: string): Transport => ({
      connect: (_, listener) => {
        tried.push(name);
        queueMicrotask(() => listener.onEnd({ code: 1006, reason: '' }));
        return { send: () => undefined, close: () => undefined };
      },
    });
    await start(new FallbackTransport({ sockets: nothing('socket'), streams: nothing('stream') }));
    await soon('attempts', async () => {
      while (tried.length < 6) await new Promise((resolve) => setTimeout(resolve, 5));
    });
    expect(tried.slice(0, 6)).toEqual(['socket', 'socket', 'stream', 'socket', 'socket', 'stream']);
  });

  test('on a stream says a refused command with a fresh token', async () => {
    const client = await start(new EventStreamTransport());
    const stream = await live(client);
    const sending = client.send(conversation(1), 'late');
    const first = await stream.next('the message', ({ type }) => type === 'send_message');
    stream.frame({ type: 'error', client_id: first.client_id, code: 'token_expired', message: 'x', retryable: false });
    const second = await stream.next('it again', ({ type }) => type === 'send_message');
    expect(second.client_id).toBe(first.client_id);
    expect(second.token).not.toBe(first.token);
    const { client_id, conversation_id } = second;
    stream.frame({ type: 'message_ack', client_id, conversation_id, message_id: 'm', seq: 5, sent_at_ms: SERVER_TIME_MS });
    await soon('the ack', () => sending.acknowledged);
  });

  test('resumes when a command is not answered, and says it again', async () => {
    const client = await start(new EventStreamTransport());
    const stream = await live(client);
    const sending = client.send(conversation(1), 'twice');
    const first = await stream.next('the message', ({ type }) => type === 'send_message');
    stream.drop();
    const again = await live(client);
    const { client_id, conversation_id } = await again.next('it again', ({ type }) => type === 'send_message');
    expect(client_id).toBe(first.client_id);
    again.frame({ type: 'message_ack', client_id, conversation_id, message_id: 'm', seq: 5, sent_at_ms: SERVER_TIME_MS });
    await soon('the ack', () => sending.acknowledged);
  });

  test('says a command again that came to a gateway of before, which has no such path', async () => {
    const client = await start(new EventStreamTransport());
    const stream = await live(client);
    gateway.isOld = true;
    const sending = client.send(conversation(1), 'kept');
    await stream.ended();
    gateway.isOld = false;
    const again = await live(client);
    const { client_id, conversation_id } = await again.next('it again', ({ type }) => type === 'send_message');
    expect(client_id).toBe(sending.clientId);
    again.frame({ type: 'message_ack', client_id, conversation_id, message_id: 'm', seq: 5, sent_at_ms: SERVER_TIME_MS });
    await soon('the ack', () => sending.acknowledged);
  });

  test('on a stream says who is there one after the other, the newest of what it has not said yet', async () => {
    const asked: string[] = [];
    const answers: (() => void)[] = [];
    const fetch = async (url: unknown, init: RequestInit = {}): Promise<Response> => {
      if (String(url).endsWith('/v1/events'))
        return new Response(new ReadableStream({}), { headers: { 'content-type': 'text/event-stream' } });
      asked.push(String(init.body));
      await new Promise<void>((resolve) => answers.push(resolve));
      return new Response(null, { status: 204 });
    };
    const listener = { onOpen: () => undefined, onFrame: () => undefined, onEnd: () => undefined };
    const channel = new EventStreamTransport(fetch as typeof globalThis.fetch).connect('ws://h:1', listener);
    const word = (type: string, users: string[]): string => JSON.stringify({ type, users });
    channel.send(JSON.stringify({ type: 'hello', token: 't' }));
    for (const users of [['a'], ['b'], ['c']]) channel.send(word('watch_presence', users));
    channel.send(word('presence', []));
    const settled = async (count: number): Promise<void> => {
      while (asked.length < count) await new Promise((resolve) => setTimeout(resolve, 1));
      answers[count - 1]?.();
    };
    await soon('what is said', async () => {
      for (let count = 1; count <= 3; count += 1) await settled(count);
    });
    expect(asked).toEqual([word('watch_presence', ['a']), word('watch_presence', ['c']), word('presence', [])]);
    channel.close(1000);
  });
});
