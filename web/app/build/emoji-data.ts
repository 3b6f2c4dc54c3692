import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Plugin } from 'vite';

const require = createRequire(import.meta.url);
const LANGUAGES = ['en', 'de'];
const FILES = ['data', 'messages'];

/** Serves the names of emoji from this origin: `/emoji/<language>/data.json` and `messages.json`. */
export function emojiData(): Plugin {
  const read = (language: string, file: string) =>
    JSON.stringify(JSON.parse(readFileSync(require.resolve(`emojibase-data/${language}/${file}.json`), 'utf8')));
  return {
    name: 'relayhub-emoji-data',
    generateBundle() {
      for (const language of LANGUAGES) {
        for (const file of FILES) {
          this.emitFile({ type: 'asset', fileName: `emoji/${language}/${file}.json`, source: read(language, file) });
        }
      }
    },
    configureServer(server) {
      server.middlewares.use('/emoji', (request, response, next) => {
        const match = /^\/(\w+)\/(data|messages)\.json/.exec(request.url ?? '');
        if (!match || !LANGUAGES.includes(match[1] ?? '')) return next();
        response.setHeader('content-type', 'application/json');
        response.end(read(match[1] as string, match[2] as string));
      });
    },
  };
}
