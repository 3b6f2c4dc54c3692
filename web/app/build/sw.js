// The shell's files under one version. Conversations are in IndexedDB; the worker never sees the API.
const VERSION = __VERSION__;
const SHELL = __SHELL__;
const CACHE = `shell-${VERSION}`;

self.addEventListener('install', (event) => {
  event.waitUntil(fill());
});

async function fill() {
  const cache = await caches.open(CACHE);
  await Promise.all(
    SHELL.map(async (path) => {
      // A hashed file that an older build shares needs no second download.
      const known = path.startsWith('/assets/') ? await caches.match(path) : undefined;
      const answer = known ?? (await fetch(path, { cache: 'no-cache' }));
      if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
      await cache.put(path, answer);
    }),
  );
}

self.addEventListener('activate', (event) => {
  event.waitUntil(forget());
});

// One older generation stays: tabs of the build before still load their parts from it.
async function forget() {
  const order = (await caches.keys()).filter((name) => name.startsWith('shell-') && name !== CACHE);
  await Promise.all(order.slice(0, -1).map((name) => caches.delete(name)));
  await self.clients.claim();
}

self.addEventListener('message', (event) => {
  if (event.data === 'activate') self.skipWaiting();
});

self.addEventListener('fetch', (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== 'GET' || url.origin !== self.location.origin) return;
  if (url.pathname.startsWith('/v1/') || url.pathname === '/sw.js') return;
  if (url.pathname === '/config.json') return event.respondWith(freshOrKept(request));
  if (request.mode === 'navigate') return event.respondWith(shell('/', request));
  if (url.pathname.startsWith('/assets/') || SHELL.includes(url.pathname)) {
    event.respondWith(shell(url.pathname, request));
  }
});

async function shell(path, request) {
  const cache = await caches.open(CACHE);
  return (await cache.match(path)) ?? (await caches.match(path)) ?? fetch(request);
}

async function freshOrKept(request) {
  const cache = await caches.open('config');
  try {
    const answer = await fetch(request);
    if (answer.ok) await cache.put('/config.json', answer.clone());
    return answer;
  } catch (error) {
    const kept = await cache.match('/config.json');
    if (kept) return kept;
    throw error;
  }
}
