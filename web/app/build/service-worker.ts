import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Plugin } from 'vite';

/** Files that are copied as they are. */
const COPIED = ['theme.js', 'manifest.webmanifest', 'favicon.svg'];

/** Files of a build by name, as far as they matter here. */
type Files = Readonly<Record<string, { readonly code: string } | { readonly source: string | Uint8Array }>>;

/** Writes `/sw.js`: the worker's source with this build's files, what they hold as hashes, and a hash of all that as its version. */
export function serviceWorker(source: string, publicDir: string): Plugin {
  return {
    name: 'relayhub-service-worker',
    apply: 'build',
    // After the others: Vite takes chunks out that hold nothing but styles, and a missing file would keep the worker from installing.
    generateBundle: {
      order: 'post',
      handler(_options, bundle) {
        const copied = Object.fromEntries(COPIED.map((name) => [name, readFileSync(join(publicDir, name))]));
        this.emitFile({ type: 'asset', fileName: 'sw.js', source: workerOf(readFileSync(source, 'utf8'), bundle, copied) });
      },
    },
  };
}

/** The worker of a build. */
export function workerOf(code: string, bundle: Files, copied: Readonly<Record<string, string | Uint8Array>>): string {
  const shell: Record<string, string> = {};
  for (const [name, content] of Object.entries(copied)) shell[`/${name}`] = hashOf(content);
  for (const [name, file] of Object.entries(bundle)) {
    if (name.endsWith('.map') || name.startsWith('emoji/')) continue;
    shell[name === 'index.html' ? '/' : `/${name}`] = hashOf('code' in file ? file.code : file.source);
  }
  if (shell['/'] === undefined) throw new Error('the build has no start page');
  const list = JSON.stringify(Object.fromEntries(Object.entries(shell).sort(([a], [b]) => (a < b ? -1 : 1))));
  const version = hashOf(list + code).slice(0, 12);
  return code.replace('__SHELL__', () => list).replace('__VERSION__', () => JSON.stringify(version));
}

function hashOf(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}
