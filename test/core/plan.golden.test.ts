import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { replan } from './golden-plan.ts';

const folder = new URL('./golden/', import.meta.url);

describe('golden plans', () => {
  for (const name of readdirSync(folder).toSorted()) {
    const path = new URL(name, folder).pathname;
    const golden = readFileSync(path, 'utf8');
    const [promise = name] = golden.split('\n');
    test(promise, async () => {
      await expect(replan(golden)).toMatchFileSnapshot(path);
    });
  }
});
