type Place = { seq: number } | { atMs: number };

/** The list on the screen listens; dialogs and links ask. At most one list is there. */
let listener: ((place: Place) => void) | null = null;

export function onJumpRequest(listen: (place: Place) => void): () => void {
  listener = listen;
  return () => {
    if (listener === listen) listener = null;
  };
}

export function requestJump(place: Place): void {
  listener?.(place);
}

let waiting: { conversationId: string; place: Place } | null = null;

/** Jumps to a place of a conversation that is opened now, or is open already. */
export function jumpInto(conversationId: string, place: Place): void {
  waiting = { conversationId, place };
  for (const listen of arrivals) listen();
}

const arrivals = new Set<() => void>();

/** Gives the place that the conversation is to show, once: at once, or when it is asked for. */
export function onArrival(conversationId: string, go: (place: Place) => void): () => void {
  const take = () => {
    if (waiting?.conversationId !== conversationId) return;
    const { place } = waiting;
    waiting = null;
    go(place);
  };
  arrivals.add(take);
  take();
  return () => arrivals.delete(take);
}

let atSend: (() => void) | null = null;

/** Calls `listen` when the person has sent something: one's own message is always shown. */
export function onEndRequest(listen: () => void): () => void {
  atSend = listen;
  return () => {
    if (atSend === listen) atSend = null;
  };
}

export function requestEnd(): void {
  atSend?.();
}
