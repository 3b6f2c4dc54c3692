import { create } from 'zustand';
import type { SendLaterProps } from '@/app/dialogs/SendLater';
import type { MessageRef } from '@/types';

export interface Toast {
  id: number;
  text: string;
  action?: { label: string; act: () => void };
}

export type Overlay =
  | { type: 'switcher' }
  | { type: 'search'; text: string; conversationId: string | null }
  | { type: 'keyboard' }
  | { type: 'new-conversation' }
  | { type: 'new-group'; with?: string }
  | { type: 'rename'; conversationId: string; title: string }
  | { type: 'invite'; conversationId: string }
  | { type: 'leave'; conversationId: string; title: string }
  | { type: 'jump-to-date'; conversationId: string; atMs: number }
  | { type: 'revisions'; conversationId: string; messageId: string }
  | { type: 'details'; conversationId: string; messageId: string }
  | { type: 'reactors'; conversationId: string; messageId: string }
  | { type: 'delete-message'; conversationId: string; message: MessageRef; mine: boolean; forEveryone: boolean }
  /** Without a key what is in the composer is scheduled. */
  | { type: 'send-later'; of: SendLaterProps }
  | { type: 'scheduled'; conversationId: string }
  | { type: 'delete-unsent'; clientId: string };

/** What the composer writes besides a new message: an answer, or an earlier message anew. */
/** `thread`: the root of the thread in whose composer it is. */
export type Compose = { conversationId: string; message: MessageRef; thread?: string } & (
  | { kind: 'reply' }
  | { kind: 'edit'; text: string }
);

interface Ui {
  toasts: Toast[];
  overlay: Overlay | null;
  /** Which conversations show their side panel. */
  panelOpen: boolean;
  compose: Compose | null;
  /** The thread that is open beside its conversation. */
  thread: { conversationId: string; root: MessageRef } | null;
  /** A line for readers; the region is emptied before the next. */
  announcement: string;
  addToast: (text: string, action?: Toast['action']) => void;
  dismissToast: (id: number) => void;
  show: (overlay: Overlay | null) => void;
  setPanel: (open: boolean) => void;
  setCompose: (compose: Compose | null) => void;
  setThread: (thread: Ui['thread']) => void;
  announce: (text: string) => void;
}

let nextToast = 1;

/** What is open on the screen. Nothing here is stored. */
export const useUi = create<Ui>((set) => ({
  toasts: [],
  overlay: null,
  panelOpen: false,
  compose: null,
  thread: null,
  announcement: '',
  addToast: (text, action) => {
    const id = nextToast;
    nextToast += 1;
    set((ui) => ({ toasts: [...ui.toasts.slice(-2), { id, text, action }] }));
  },
  dismissToast: (id) => set((ui) => ({ toasts: ui.toasts.filter((toast) => toast.id !== id) })),
  show: (overlay) => set({ overlay }),
  // One of them has the place.
  setPanel: (panelOpen) => set(panelOpen ? { panelOpen, thread: null } : { panelOpen }),
  setThread: (thread) => set(thread ? { thread, panelOpen: false } : { thread }),
  setCompose: (compose) => {
    set({ compose });
    if (compose) document.getElementById(compose.thread === undefined ? 'composer' : 'thread-composer')?.focus();
  },
  announce: (announcement) => set({ announcement }),
}));
