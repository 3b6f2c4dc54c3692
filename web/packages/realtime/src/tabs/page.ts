/** What the browser says about this page; in Node it is always in front and never leaves. */
export interface Page {
  readonly visible: boolean;
  /** The page came to the front, or the network came back. */
  onWake(listener: () => void): () => void;
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

const browserPage: Page = {
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
  onLeave: (listener) => listen(window, ['pagehide'], listener),
  onReturn: (listener) =>
    listen(window, ['pageshow'], (event) => {
      if ((event as PageTransitionEvent).persisted) listener();
    }),
};

const nothing = (): (() => void) => () => undefined;
const nodePage: Page = { visible: true, onWake: nothing, onLeave: nothing, onReturn: nothing };

export function currentPage(): Page {
  return typeof document === 'undefined' ? nodePage : browserPage;
}
