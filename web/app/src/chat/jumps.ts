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
