import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';
import { compressed } from './build/compressed.ts';
import { emojiData } from './build/emoji-data.ts';
import { compiledMessages } from './build/messages.ts';
import { pxToRem } from './build/px-to-rem.ts';
import { serviceWorker } from './build/service-worker.ts';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const api = process.env.RELAYHUB_API ?? 'http://127.0.0.1:7090';

export default defineConfig({
  plugins: [pxToRem(), compiledMessages(), react(), emojiData(), serviceWorker(here('./build/sw.js'), here('./public')), compressed()],
  resolve: { alias: { '@relayhub/realtime': here('../packages/realtime/src/index.ts'), '@': here('./src') } },
  build: { target: 'es2024', sourcemap: false, modulePreload: { polyfill: false }, assetsInlineLimit: 0 },
  server: { proxy: { '/v1': { target: api, ws: false }, '/config.json': api } },
});
