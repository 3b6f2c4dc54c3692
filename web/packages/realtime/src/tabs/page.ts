/** What the browser says about this page; in Node it is always in front and never leaves. */
export interface Page {
  readonly visible: boolean;
  /** Milliseconds for which it has not been in front; 0 when it is. */
  readonly hiddenMs: number;
  /** The page came to the front, or the network came back. */
  onWake(listener: () => void): () => void;
  /** The page may be gone in a moment: it goes away, or is not in front any more. What is to be kept has to be kept now. */
  onHide(listener: () => void): () => void;
  /** The page goes away, perhaps into the back/forward cache; `onReturn` is told when it comes out of there. */
  onLeave(listener: () => void): () => void;
  onReturn(listener: () => void): () => void;
}

function listen(target: EventTarget, names: readonly string[], listener: (event: Event) => void): () => void {
  for (const name of names) target.addEventListener(name, listener);
  return () => {
    for (const name of names) target.removeEventListener(name, listener);
  };
}

let hiddenAt: number | null = null;

const browserPage: Page = {
  get hiddenMs() {
    return hiddenAt === null ? 0 : performance.now() - hiddenAt;
  },
  get visible() {
    return document.visibilityState === 'visible';
  },
  onWake(listener) {
    const shown = listen(document, ['visibilitychange'], () => {
      if (document.visibilityState === 'visible') listener();
    });
    const online = listen(window, ['online'], listener);
    return () => {
      shown();
      online();
    };
  },
  onHide(listener) {
    const hidden = listen(document, ['visibilitychange'], () => {
      if (document.visibilityState !== 'visible') listener();
    });
    const left = listen(window, ['pagehide'], listener);
    return () => {
      hidden();
      left();
    };
  },
  onLeave: (listener) => listen(window, ['pagehide'], listener),
  onReturn: (listener) =>
    listen(window, ['pageshow'], (event) => {
      if ((event as PageTransitionEvent).persisted) listener();
    }),
};

const nothing = (): (() => void) => () => undefined;
const nodePage: Page = { visible: true, hiddenMs: 0, onWake: nothing, onHide: nothing, onLeave: nothing, onReturn: nothing };

export function currentPage(): Page {
  if (typeof document === 'undefined') return nodePage;
  const note = (): void => {
    hiddenAt = document.visibilityState === 'visible' ? null : (hiddenAt ?? performance.now());
  };
  note();
  document.addEventListener('visibilitychange', note);
  return browserPage;
}
