import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/engines/node_modules/**', 'node_modules/**', 'test/bigquery/**', 'test/snowflake/**'],
    // Most tests wait for processes and sockets: two cores keep three workers.
    maxWorkers: '150%',
    // A worker loads exportd once, not once a file; so no test may leave a mock, a variable or a timer behind.
    isolate: false,
    restoreMocks: true,
    unstubEnvs: true,
    // So that no test's own time pays for a build or a download.
    globalSetup: ['test/engines/prepare.ts'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
