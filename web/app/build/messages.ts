import { readFileSync } from 'node:fs';
import { compileMessage } from '@lingui/message-utils/compileMessage';
import type { Plugin } from 'vite';

const CATALOG = /\/i18n\/(\w+)\.messages\.json$/;

/** Compiles the ICU texts of `<language>.messages.json` while building, so that no parser is shipped. */
export function compiledMessages(): Plugin {
  return {
    name: 'relayhub-messages',
    enforce: 'pre',
    load(id) {
      const path = id.split('?')[0] ?? id;
      if (!CATALOG.test(path)) return null;
      const texts = JSON.parse(readFileSync(path, 'utf8')) as Record<string, string>;
      const compiled = Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, compileMessage(text)]));
      return { code: `export default ${JSON.stringify(compiled)};`, map: null, moduleType: 'js' };
    },
  };
}
