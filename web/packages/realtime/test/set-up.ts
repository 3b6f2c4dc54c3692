import { afterEach, beforeEach } from 'vitest';
import { type ClientOptions, RealtimeClient } from '../src/index.ts';
import { type Answer, TestServer } from './server.ts';
import { until } from './soon.ts';

/** Opens clients on the server of the present test. */
export interface Devices {
  open(options?: Partial<ClientOptions>): Promise<RealtimeClient>;
  /** One that is live and has the list. It logs in unless its store has a session. */
  loggedIn(options?: Partial<ClientOptions>): Promise<RealtimeClient>;
}

/** A server for each test, `ready` before anything asks it, and clients that end with the test. */
export function onServer(ready: (server: TestServer) => void): Devices {
  let server: TestServer;
  let address = '';
  const clients: RealtimeClient[] = [];

  beforeEach(async () => {
    server = new TestServer();
    address = await server.listen();
    ready(server);
  });
  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.close()));
    server.close();
  });

  async function open(options: Partial<ClientOptions> = {}): Promise<RealtimeClient> {
    const client = await RealtimeClient.open({
      apiBase: `http://${address}`,
      gateways: [`ws://${address}`],
      reconnectBaseMs: 1,
      reportIntervalMs: 1,
      ...options,
    });
    clients.push(client);
    return client;
  }

  async function loggedIn(options: Partial<ClientOptions> = {}): Promise<RealtimeClient> {
    const client = await open(options);
    if (client.session.get().status === 'out') await client.logIn({ handle: 'me', password: 'x', deviceName: 'd' });
    await until('live', client.connection, ({ state }) => state === 'live');
    await until('the list', client.conversations, (rows) => rows.length === server.conversations.length);
    return client;
  }

  return { open, loggedIn };
}

/** An answer that waits until it is let go. */
export function held(): { answer: (usual: () => Answer) => Promise<Answer>; asked: Promise<void>; go: () => void } {
  const asked = Promise.withResolvers<void>();
  const gone = Promise.withResolvers<void>();
  return {
    answer: async (usual) => {
      // What the server knew when it was asked.
      const said = usual();
      asked.resolve();
      await gone.promise;
      return said;
    },
    asked: asked.promise,
    go: gone.resolve,
  };
}
