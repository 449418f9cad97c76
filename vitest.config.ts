import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/engines/node_modules/**', 'node_modules/**'],
    // Most tests wait for processes and sockets: every core has a worker, also the one that vitest itself would keep free.
    maxWorkers: '100%',
    // So that no test's own time pays for the download.
    globalSetup: ['test/engines/install-first.ts'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
