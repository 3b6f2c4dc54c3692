import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Plugin } from 'vite';

/** Writes `/sw.js`: the worker's source with the list of this build's files and a hash of that list as its version. */
export function serviceWorker(source: string): Plugin {
  return {
    name: 'relayhub-service-worker',
    apply: 'build',
    // After the others: Vite takes chunks out that hold nothing but styles, and a missing file would keep the worker from installing.
    generateBundle: {
      order: 'post',
      handler(_options, bundle) {
        const files = Object.keys(bundle)
          .filter((name) => !name.endsWith('.map') && !name.startsWith('emoji/') && name !== 'index.html')
          .sort();
        const shell = ['/', '/theme.js', '/manifest.webmanifest', '/favicon.svg', ...files.map((name) => `/${name}`)];
        const code = readFileSync(source, 'utf8');
        const version = createHash('sha256').update(JSON.stringify(shell)).update(code).digest('hex').slice(0, 12);
        this.emitFile({
          type: 'asset',
          fileName: 'sw.js',
          source: code.replace('__SHELL__', JSON.stringify(shell)).replace('__VERSION__', JSON.stringify(version)),
        });
      },
    },
  };
}
