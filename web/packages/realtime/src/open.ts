import type { RealtimeClient as Api } from './api/client.ts';
import type { ClientOptions } from './api/options.ts';

/** See {@link Api}. */
export type RealtimeClient = Api;

/** Opens clients. */
export declare const RealtimeClient: {
  /**
   * Opens the store and restores the session. Never waits for the network.
   */
  open(options: ClientOptions): Promise<Api>;
};
