import { defineConfig } from 'vitest/config';

/** `npm run test:bigquery`: what needs BigQuery's emulator, or with `test:bigquery:real` BigQuery itself. */
export default defineConfig({
  test: {
    include: ['test/bigquery/**/*.test.ts'],
    globalSetup: ['test/bigquery/start-first.ts'],
    // The emulator works off one statement at a time.
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 60_000,
  },
});
