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
