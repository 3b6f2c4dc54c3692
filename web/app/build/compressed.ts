import { readdir, readFile, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import type { Plugin } from 'vite';

const brotli = promisify(brotliCompress);
const zip = promisify(gzip);
const TEXT = /\.(js|css|html|json|svg|webmanifest)$/;
const MIN_BYTES = 1_024;

/** Writes `.br` and `.gz` beside every text file, so that a server hands them out as they are. */
export function compressed(): Plugin {
  return {
    name: 'relayhub-compressed',
    apply: 'build',
    enforce: 'post',
    async writeBundle({ dir }) {
      const root = dir ?? 'dist';
      for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
        const path = `${entry.parentPath}/${entry.name}`;
        if (!entry.isFile() || !TEXT.test(entry.name)) continue;
        const bytes = await readFile(path);
        if (bytes.length < MIN_BYTES) continue;
        const params = {
          [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
          [constants.BROTLI_PARAM_QUALITY]: bytes.length > 200_000 ? 9 : 11,
        };
        await writeFile(`${path}.br`, await brotli(bytes, { params }));
        await writeFile(`${path}.gz`, await zip(bytes, { level: 9 }));
      }
    },
  };
}
