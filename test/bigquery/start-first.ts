import type { TestProject } from 'vitest/node';
import { startBigQuery } from '../engines/bigquery.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** The emulator's URL. */
    readonly bigquery: string;
  }
}

/** One emulator for all tests: each has a dataset of its own. */
export default async function startFirst({ provide }: TestProject): Promise<() => Promise<void>> {
  const emulator = await startBigQuery();
  provide('bigquery', emulator.url);
  return async () => await emulator[Symbol.asyncDispose]();
}
