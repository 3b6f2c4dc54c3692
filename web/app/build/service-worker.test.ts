import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { workerOf } from './service-worker.ts';

const SOURCE = readFileSync(new URL('./sw.js', import.meta.url), 'utf8');
const COPIED = { 'theme.js': 'theme 1', 'manifest.webmanifest': '{}', 'favicon.svg': '<svg/>' };
const PAGE = '<title>RelayHub</title>';

interface Site {
  /** What the server has by path. */
  readonly files: Map<string, string>;
  policy: string;
  /** Before each answer. */
  network: () => Promise<void>;
  readonly asked: string[];
}

let site: Site;
/** The browser's caches by name, shared by the workers of one origin. */
let stored: Map<string, Map<string, Response>>;
const navigator = { onLine: true };

beforeEach(() => {
  stored = new Map();
  navigator.onLine = true;
  site = { files: new Map(), policy: "connect-src 'self'", network: async () => undefined, asked: [] };
});
afterEach(() => void vi.useRealTimers());

function build(page = PAGE, copied: Record<string, string> = COPIED): string {
  return workerOf(SOURCE, { 'index.html': { source: page }, 'assets/app-1.js': { code: 'app 1' } }, copied);
}

/** Puts a build onto the server. */
function deploy(page = PAGE, copied: Record<string, string> = COPIED): string {
  for (const [name, content] of Object.entries(copied)) site.files.set(`/${name}`, content);
  site.files.set('/', page).set('/assets/app-1.js', 'app 1').set('/config.json', '{"gateways":[]}');
  return build(page, copied);
}

async function answerOf(path: string): Promise<Response> {
  site.asked.push(path);
  await site.network();
  const content = site.files.get(path);
  const headers = { 'content-type': 'text/html', 'content-security-policy': site.policy };
  return content === undefined ? new Response('', { status: 404 }) : new Response(content, { headers });
}

const caches = {
  open: async (name: string) => {
    const entries = stored.get(name) ?? new Map<string, Response>();
    stored.set(name, entries);
    return {
      match: async (path: string) => entries.get(path)?.clone(),
      put: async (path: string, answer: Response) => void entries.set(path, answer.clone()),
    };
  },
  match: async (path: string) =>
    [...stored.values()]
      .find((entries) => entries.has(path))
      ?.get(path)
      ?.clone(),
  keys: async () => [...stored.keys()],
  delete: async (name: string) => stored.delete(name),
};

/** A worker as a browser runs it. */
class Worker {
  readonly #listeners = new Map<string, (event: unknown) => void>();

  constructor(code: string) {
    const self = {
      location: { origin: 'https://chat.example.org' },
      clients: { claim: async () => undefined },
      addEventListener: (name: string, listener: (event: unknown) => void) => this.#listeners.set(name, listener),
    };
    const fetch = (request: string | { url: string }): Promise<Response> =>
      answerOf(typeof request === 'string' ? request : new URL(request.url).pathname);
    new Function('self', 'caches', 'fetch', 'navigator', code)(self, caches, fetch, navigator);
  }

  async run(name: 'install' | 'activate'): Promise<void> {
    const work: Promise<unknown>[] = [];
    this.#listeners.get(name)?.({ waitUntil: (promise: Promise<unknown>) => work.push(promise) });
    await Promise.all(work);
  }

  /** What a page gets, and what goes on behind it. */
  get(path: string, mode = 'no-cors'): { answer: Promise<Response>; rest: Promise<unknown>[] } {
    const rest: Promise<unknown>[] = [];
    let answer: Promise<Response> = Promise.reject(new Error('left to the browser'));
    answer.catch(() => undefined);
    this.#listeners.get('fetch')?.({
      request: { method: 'GET', mode, url: `https://chat.example.org${path}` },
      respondWith: (given: Promise<Response>) => {
        answer = given;
      },
      waitUntil: (promise: Promise<unknown>) => rest.push(promise),
    });
    return { answer, rest };
  }

  async open(): Promise<[string, string | null]> {
    const answer = await this.get('/c/1', 'navigate').answer;
    return [await answer.text(), answer.headers.get('content-security-policy')];
  }
}

async function installed(): Promise<Worker> {
  const worker = new Worker(deploy());
  await worker.run('install');
  await worker.run('activate');
  site.asked.length = 0;
  return worker;
}

test('whatever file of the shell changes makes another version', () => {
  const builds = [
    build(),
    build('<title>Another</title>'),
    ...Object.keys(COPIED).map((name) => build(PAGE, { ...COPIED, [name]: 'changed' })),
  ];
  expect(new Set(builds).size).toBe(5);
  expect(build()).toBe(build());
});

test('a build is not kept while the server answers with files of another one', async () => {
  const before = await installed();
  const next = build('<title>Next</title>', { ...COPIED, 'theme.js': 'theme 2' });
  // The new worker came from a new server, the rest from an old one.
  await expect(new Worker(next).run('install')).rejects.toThrow('another build');
  expect([...stored.keys()]).toHaveLength(1);
  expect(await before.open()).toEqual([PAGE, site.policy]);
  deploy('<title>Next</title>', { ...COPIED, 'theme.js': 'theme 2' });
  const worker = new Worker(next);
  await worker.run('install');
  expect(await (await worker.get('/theme.js').answer).text()).toBe('theme 2');
});

test('an asset that an older build shares is not loaded again', async () => {
  await installed();
  const worker = new Worker(deploy('<title>Next</title>'));
  await worker.run('install');
  expect(site.asked).not.toContain('/assets/app-1.js');
  site.network = async () => Promise.reject(new TypeError('offline'));
  expect(await (await worker.get('/assets/app-1.js').answer).text()).toBe('app 1');
});

test('the page has the policy that the server has now, also where the server has another build', async () => {
  const worker = await installed();
  site.policy = "connect-src 'self' wss://second.example.org";
  expect(await worker.open()).toEqual([PAGE, site.policy]);
  // It is kept for when there is no network.
  const now = site.policy;
  site.network = async () => Promise.reject(new TypeError('offline'));
  expect(await worker.open()).toEqual([PAGE, now]);
  site.network = async () => undefined;
  site.files.set('/', '<title>Next</title>');
  site.policy = "connect-src 'self' wss://third.example.org";
  expect(await worker.open()).toEqual([PAGE, site.policy]);
});

test('without a network the page is there at once', async () => {
  const worker = await installed();
  navigator.onLine = false;
  site.network = () => new Promise(() => undefined);
  expect(await worker.open()).toEqual([PAGE, site.policy]);
});

test('an error of the server in the place of the page is not shown', async () => {
  const worker = await installed();
  site.files.delete('/');
  expect(await worker.open()).toEqual([PAGE, site.policy]);
});

test('a network that does not answer is waited for only for a moment, and heard all the same', async () => {
  const worker = await installed();
  vi.useFakeTimers();
  const slow = Promise.withResolvers<void>();
  site.network = () => slow.promise;
  const [before, after] = [site.policy, "connect-src 'self' wss://second.example.org"];
  const { answer, rest } = worker.get('/', 'navigate');
  const config = worker.get('/config.json');
  await vi.waitFor(() => expect(vi.getTimerCount()).toBeGreaterThan(0));
  await vi.advanceTimersByTimeAsync(2500);
  expect((await answer).headers.get('content-security-policy')).toBe(before);
  site.policy = after;
  slow.resolve();
  await Promise.all(rest);
  vi.useRealTimers();
  expect(await (await config.answer).json()).toEqual({ gateways: [] });
  site.network = async () => Promise.reject(new TypeError('offline'));
  expect(await worker.open()).toEqual([PAGE, after]);
});
