import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { compiledMessages } from './build/messages.ts';

export default defineConfig({
  plugins: [compiledMessages()],
  resolve: {
    alias: {
      '@relayhub/realtime': fileURLToPath(new URL('../packages/realtime/src/index.ts', import.meta.url)),
      '@': fileURLToPath(new URL('./src', import.meta.url)),
    },
  },
  test: { include: ['src/**/*.test.ts', 'build/**/*.test.ts'], environment: 'node' },
});
