import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { folder } from './exportd.ts';

test('an install without the development parts keeps the dist it came with, and says so in one line', () => {
  using place = folder();
  mkdirSync(place.at('scripts'));
  copyFileSync(new URL('../../scripts/build.ts', import.meta.url), place.at('scripts/build.ts'));
  const said = execFileSync(process.execPath, [place.at('scripts/build.ts'), '--if-dev'], { encoding: 'utf8' });
  expect(said).toBe('exportd: typescript is not installed, so dist/ was not built\n');
});
