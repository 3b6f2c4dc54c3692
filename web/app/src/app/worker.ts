/** One policy for the one script address that is made at run time. The served header allows no other. */
interface Policies {
  createPolicy(name: string, rules: { createScriptURL(url: string): string }): { createScriptURL(url: string): unknown };
}

const WORKER = '/sw.js';

function trusted(path: string): string {
  const factory = (globalThis as { trustedTypes?: Policies }).trustedTypes;
  if (!factory) return path;
  const policy = factory.createPolicy('relayhub', {
    createScriptURL: (url) => {
      if (url !== WORKER) throw new TypeError(`no script comes from ${url}`);
      return url;
    },
  });
  return policy.createScriptURL(path) as string;
}

let waiting: ServiceWorker | null = null;
/** The person does not want the one that waits now. */
let declined = false;
let reloadsHere = false;
const watchers = new Set<() => void>();

/** A newer build that waits for its turn. */
export const update = {
  isReady: () => waiting !== null && !declined,
  subscribe: (changed: () => void) => {
    watchers.add(changed);
    return () => watchers.delete(changed);
  },
  /** Takes the newer build over and reloads this tab; drafts are stored already. */
  take: () => {
    reloadsHere = true;
    waiting?.postMessage('activate');
  },
  /** Goes on with this build until another one comes. */
  decline: () => {
    declined = true;
    tell();
  },
};

function tell(): void {
  for (const changed of watchers) changed();
}

function found(worker: ServiceWorker | null): void {
  if (!worker) return;
  const look = () => {
    // Without a controller it is the first installation: nothing to tell.
    if (worker.state !== 'installed' || !navigator.serviceWorker.controller) return;
    if (waiting !== worker) declined = false;
    waiting = worker;
    tell();
  };
  look();
  worker.addEventListener('statechange', look);
}

/** Registers the worker that keeps the shell. Plain http from another machine has none: the app works without it. */
export async function startWorker(): Promise<void> {
  if (!import.meta.env.PROD || !('serviceWorker' in navigator)) return;
  navigator.serviceWorker.addEventListener('controllerchange', () => {
    if (reloadsHere) location.reload();
  });
  try {
    const registration = await navigator.serviceWorker.register(trusted(WORKER), { updateViaCache: 'none' });
    found(registration.waiting ?? registration.installing);
    registration.addEventListener('updatefound', () => found(registration.installing));
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden) void registration.update().catch(() => undefined);
    });
  } catch (error) {
    console.warn('The app cannot be kept for offline use here.', error);
  }
}
