import type { TestProject } from 'vitest/node';
import { startBigQuery } from '../engines/bigquery.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** The emulator's URL; undefined where the suite runs on BigQuery itself. */
    readonly bigquery: string | undefined;
  }
}

/** One emulator for all tests: each has a dataset of its own. */
export default async function startFirst({ provide }: TestProject): Promise<(() => Promise<void>) | undefined> {
  if (process.env.BIGQUERY_PROJECT !== undefined) {
    provide('bigquery', undefined);
    return undefined;
  }
  const emulator = await startBigQuery();
  provide('bigquery', emulator.url);
  return async () => await emulator[Symbol.asyncDispose]();
}
