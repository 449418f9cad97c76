import { execFileSync } from 'node:child_process';
import { copyFileSync, cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { startClickHouse } from '../engines/clickhouse.ts';
import { folder } from './exportd.ts';

const at = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const node = (...words: string[]) => execFileSync(process.execPath, words, { encoding: 'utf8' });

/** A checkout's parts that the build needs, in a folder of their own. */
function checkout() {
  const place = folder();
  mkdirSync(place.at('scripts'));
  copyFileSync(at('scripts/build.ts'), place.at('scripts/build.ts'));
  return place;
}

describe('npm run build', () => {
  test('an install without the development parts keeps the dist it came with, and says so in one line', () => {
    using place = checkout();
    expect(node(place.at('scripts/build.ts'), '--if-dev')).toBe(
      'exportd: the bundler is not installed, so dist/ was not built\n',
    );
  });

  test('what is built runs from wherever it lies, and finds the files beside it', async () => {
    using place = checkout();
    copyFileSync(at('package.json'), place.at('package.json'));
    cpSync(at('src'), place.at('src'), { recursive: true });
    symlinkSync(at('node_modules'), place.at('node_modules'));
    expect(node(place.at('scripts/build.ts'))).toBe('');
    expect(node(place.at('dist/main.js'), '--version')).toBe(`${packageJson.version}\n`);

    await using server = await startClickHouse();
    writeFileSync(
      place.at('exportd.yaml'),
      `version: 1
sources: { store: { type: clickhouse, url: "${server.url}", database: default, workspace: acme } }
`,
    );
    expect(node(place.at('dist/main.js'), 'store', 'init', '--config', place.at('exportd.yaml'))).toContain(
      'were made',
    );
  });
});
