import { defineConfig } from 'vitest/config';

/** `npm run test:snowflake`: what needs Snowflake's emulator, or with `test:snowflake:real` Snowflake itself. */
export default defineConfig({
  test: {
    include: ['test/snowflake/**/*.test.ts'],
    globalSetup: ['test/snowflake/start-first.ts'],
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 60_000,
  },
});
