import type { ConnectionState } from '../api/connection.ts';
import type { PresenceWant } from '../engine/presence.ts';
import type { Change } from '../state/change.ts';
import type { ServerTime } from '../util/clock.ts';
import { Emitter } from '../util/emitter.ts';
import type { PresenceFrame, ReceiptsFrame, TypingFrame } from '../wire/frames.ts';

/** What tabs tell each other. Everything is plain data. What names a session is nothing to tabs that have another one. */
export type TabMessage =
  | { readonly is: 'change'; readonly sessionId: string; readonly change: Change }
  | {
      readonly is: 'state';
      readonly sessionId: string;
      readonly tab: string;
      readonly term: number;
      readonly connection: ConnectionState;
      readonly clock: ServerTime | null;
    }
  | { readonly is: 'typing'; readonly sessionId: string; readonly tab: string; readonly frame: TypingFrame }
  | { readonly is: 'receipts'; readonly sessionId: string; readonly tab: string; readonly frame: ReceiptsFrame }
  | { readonly is: 'presence'; readonly sessionId: string; readonly tab: string; readonly frame: PresenceFrame }
  | { readonly is: 'present'; readonly sessionId: string; readonly tab: string; readonly want: PresenceWant }
  | { readonly is: 'ping'; readonly from: string }
  | { readonly is: 'pong'; readonly to: string; readonly term: number; readonly hiddenMs: number }
  | { readonly is: 'yield'; readonly term: number }
  | { readonly is: 'state?' }
  | { readonly is: 'retry_now'; readonly tab: string }
  | { readonly is: 'type'; readonly sessionId: string; readonly tab: string; readonly conversationId: string; readonly typing: boolean }
  | { readonly is: 'token?'; readonly sessionId: string }
  | { readonly is: 'token'; readonly sessionId: string; readonly token: string; readonly leftMs: number }
  | { readonly is: 'session'; readonly reason: string | null };

/** Carries messages to all tabs of one server in this browser, this one included. */
export interface Bus {
  /** Whether other tabs may be there. */
  readonly shared: boolean;
  post(message: TabMessage): void;
  on(listener: (message: TabMessage) => void): () => void;
  close(): void;
}

/** Opens the channel of a name; where there is none, or tabs share nothing, messages reach this tab only. */
export function openBus(name: string, shared: boolean): Bus {
  const emitter = new Emitter<TabMessage>();
  const channel = shared && typeof BroadcastChannel !== 'undefined' ? new BroadcastChannel(name) : null;
  if (channel !== null) channel.onmessage = ({ data }: MessageEvent) => emitter.emit(data as TabMessage);
  // In Node a channel keeps the process alive.
  (channel as { unref?: () => void } | null)?.unref?.();
  let open = true;
  return {
    shared: channel !== null,
    post(message) {
      if (!open) return;
      channel?.postMessage(message);
      emitter.emit(message);
    },
    on: (listener) => emitter.on(listener),
    close() {
      open = false;
      channel?.close();
    },
  };
}
