import type { TestProject } from 'vitest/node';
import { buildForTests } from '../engines/prepare.ts';
import { startSnowflake } from '../engines/snowflake.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** The emulator's URL; undefined where the suite runs on Snowflake itself. */
    readonly snowflake: string | undefined;
  }
}

/** One emulator for all tests: each has a database of its own. */
export default async function startFirst({ provide }: TestProject): Promise<(() => Promise<void>) | undefined> {
  if (process.env.SNOWFLAKE_ACCOUNT !== undefined) {
    provide('snowflake', undefined);
    return undefined;
  }
  buildForTests();
  const emulator = await startSnowflake();
  provide('snowflake', emulator.url);
  return async () => await emulator[Symbol.asyncDispose]();
}
