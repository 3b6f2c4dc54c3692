/** What the connection is doing, whichever tab holds it. */
export interface ConnectionState {
  /**
   * `offline`: waits for the next attempt or for the network. `connecting`: reaches a gateway and says hello. `catching_up`:
   * receives what was missed. `live`: everything arrives as it happens. `stopped`: no session, or the server said not to come
   * back.
   */
  readonly state: 'offline' | 'connecting' | 'catching_up' | 'live' | 'stopped';
  /** Since when, by this device's clock (`Date.now()`). */
  readonly sinceMs: number;
  /** When the next attempt comes, by this device's clock. */
  readonly retryAtMs: number | null;
  /** Why not, as a code: of the server's errors, `network`, `silent`, `gap`, `close_<number>`, or `store`: what came could not be stored. */
  readonly reason: string | null;
}

/** Something a program may want to tell the person. */
export type Notice =
  /** The browser keeps nothing: private mode, a full disk, or storage that is switched off. State lives in memory. */
  | { readonly kind: 'memory_only'; readonly why: 'missing' | 'blocked' | 'quota' | 'newer_store' | 'failed' }
  /** A newer version of the program opened the store: this tab has stopped. Reload. */
  | { readonly kind: 'outdated' }
  /** What was shown may have holes until it is read again; the client does so. `reason` as the server's `reset` says. */
  | { readonly kind: 'reset'; readonly reason: string }
  /** What came could not be stored, and nothing more is read: `retryNow`, or another version of the program, may help. */
  | { readonly kind: 'stopped'; readonly reason: string; readonly error: unknown }
  /** The gateway said something about the socket. */
  | { readonly kind: 'server'; readonly code: string; readonly message: string };
