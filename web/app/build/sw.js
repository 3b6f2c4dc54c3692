// The shell's files under one version. Conversations are in IndexedDB; the worker never sees the API.
const VERSION = __VERSION__;
/** Path by path the SHA-256 of what this build has there. */
const SHELL = __SHELL__;
const CACHE = `shell-${VERSION}`;
/** Milliseconds for the network to answer before what is kept is shown. */
const PATIENCE_MS = 2500;
const POLICY = 'content-security-policy';

self.addEventListener('install', (event) => {
  event.waitUntil(fill());
});

async function fill() {
  const cache = await caches.open(CACHE);
  try {
    await Promise.all(Object.entries(SHELL).map(([path, hash]) => keep(cache, path, hash)));
  } catch (error) {
    // Half a build is none. The browser tries again later.
    await caches.delete(CACHE);
    throw error;
  }
}

async function keep(cache, path, hash) {
  // A hashed file that an older build shares needs no second download.
  const known = isHashed(path) ? await caches.match(path) : undefined;
  if (known && (await hashOf(known)) === hash) return cache.put(path, known);
  const answer = await fetch(path, { cache: 'no-cache' });
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  // While servers are being replaced another one may answer with its own build.
  if ((await hashOf(answer)) !== hash) throw new Error(`${path} is of another build`);
  await cache.put(path, answer);
}

async function hashOf(answer) {
  const digest = await crypto.subtle.digest('SHA-256', await answer.clone().arrayBuffer());
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Whether the name says what is in it. */
function isHashed(path) {
  return path.startsWith('/assets/');
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
  if (url.pathname === '/config.json') return event.respondWith(configuration(event));
  if (request.mode === 'navigate') return event.respondWith(page(event));
  if (isHashed(url.pathname) || Object.hasOwn(SHELL, url.pathname)) event.respondWith(shell(url.pathname, request));
});

async function shell(path, request) {
  const own = await (await caches.open(CACHE)).match(path);
  return own ?? (isHashed(path) ? await caches.match(path) : undefined) ?? fetch(request);
}

/** The start page of this build, under the policy that the server has now: it names the gateways. */
async function page(event) {
  const kept = await (await caches.open(CACHE)).match('/');
  if (!kept) return fetch(event.request);
  return soonest(event, freshPage(kept.clone()), kept);
}

async function freshPage(kept) {
  const answer = await fetch('/', { cache: 'no-store' });
  if (!answer.ok || answer.redirected) return kept;
  if ((await hashOf(answer)) === SHELL['/']) {
    await (await caches.open(CACHE)).put('/', answer.clone());
    return answer;
  }
  // Another build's page belongs to files that are not here. What it allows holds for this one.
  const policy = answer.headers.get(POLICY);
  if (policy === null || policy === kept.headers.get(POLICY)) return kept;
  const headers = new Headers(kept.headers);
  headers.set(POLICY, policy);
  return new Response(kept.body, { status: kept.status, headers });
}

async function configuration(event) {
  const cache = await caches.open('config');
  const kept = await cache.match('/config.json');
  const fresh = fetch(event.request).then(async (answer) => {
    if (!answer.ok) return kept ?? answer;
    await cache.put('/config.json', answer.clone());
    return answer;
  });
  return kept ? soonest(event, fresh, kept) : fresh;
}

/** What the network says, or what is kept where it says nothing in time. Its answer is taken in all the same. */
async function soonest(event, fresh, kept) {
  event.waitUntil(fresh.catch(() => undefined));
  if (!navigator.onLine) return kept;
  let timeout;
  const late = new Promise((resolve) => {
    timeout = setTimeout(() => resolve(kept), PATIENCE_MS);
  });
  const answer = await Promise.race([fresh.catch(() => kept), late]);
  clearTimeout(timeout);
  return answer;
}
