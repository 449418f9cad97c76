import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const repo = resolve(import.meta.dirname, '../..');

/** One import per room that its rules must refuse: static, type-only or dynamic. */
const PLANTED: readonly (readonly [file: string, code: string])[] = [
  ['src/core/planted.ts', "import { readFileSync } from 'node:fs';\nexport const x = readFileSync;\n"],
  ['src/core/planted.ts', "import pino from 'pino';\nexport const x = pino;\n"],
  ['src/core/planted.ts', "export type { Emit } from '../run/events.ts';\n"],
  ['src/config/planted.ts', "export { carryOut } from '../run/run.ts';\n"],
  ['src/duckdb/planted.ts', "import type { Staged } from '../staging/staged.ts';\nexport type X = Staged;\n"],
  ['src/staging/planted.ts', "import type { Emit } from '../run/events.ts';\nexport type X = Emit;\n"],
  ['src/sources/planted.ts', "export { openExportApi } from './export-api/index.ts';\n"],
  ['src/sources/export-api/planted.ts', "export { openEngine } from '../../duckdb/engine.ts';\n"],
  ['src/sources/export-api/planted.ts', "export { reportQuery } from '../../usage-store/index.ts';\n"],
  ['src/sources/clickhouse/planted.ts', "export { openExportApi } from '../export-api/index.ts';\n"],
  ['src/http/planted.ts', "export { openExportApi } from '../sources/export-api/index.ts';\n"],
  ['src/clickhouse/planted.ts', "export { reportQuery } from '../usage-store/index.ts';\n"],
  ['src/usage-api/planted.ts', "export { openClickHouseSource } from '../sources/clickhouse/index.ts';\n"],
  ['src/usage-api/planted.ts', "export type { Config } from '../config/load.ts';\n"],
  ['src/daemon/planted.ts', "export { openDuckDb } from '../destinations/duckdb/index.ts';\n"],
  ['src/page/planted.ts', "export { openApp } from '../app.ts';\n"],
  ['src/usage-store/planted.ts', "export { openTransport } from '../http/transport.ts';\n"],
  ['src/destinations/planted.ts', "export { openDuckDb } from './duckdb/index.ts';\n"],
  ['src/destinations/duckdb/planted.ts', "export { openStaging } from '../../staging/staging.ts';\n"],
  ['src/destinations/bigquery/planted.ts', "export { openEngine } from '../../duckdb/engine.ts';\n"],
  ['src/destinations/bigquery/planted.ts', "export { openDuckDb } from '../duckdb/index.ts';\n"],
  ['src/destinations/snowflake/planted.ts', "export { openEngine } from '../../duckdb/engine.ts';\n"],
  ['src/destinations/snowflake/planted.ts', "export { openBigQuery } from '../bigquery/index.ts';\n"],
  ['src/run/planted.ts', "export const x = () => import('../destinations/duckdb/index.ts');\n"],
  ['src/run/planted.ts', "import type { Config } from '../config/load.ts';\nexport type X = Config;\n"],
  ['src/cli/planted.ts', "export { openDuckDb } from '../destinations/duckdb/index.ts';\n"],
  ['src/app.ts', "export { runCommandLine } from './cli/program.ts';\n"],
];

describe('imports that point the wrong way are caught', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'exportd-rules-'));
    copyFileSync(join(repo, 'biome.json'), join(folder, 'biome.json'));
    writeFileSync(join(folder, '.gitignore'), '');
    execFileSync('git', ['init', '-q', folder]);
    symlinkSync(join(repo, 'node_modules'), join(folder, 'node_modules'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test.each(PLANTED)('%s: %s', (file, code) => {
    const path = join(folder, file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, code);
    expect(lint(folder, file)).toContain('noRestrictedImports');
    rmSync(path);
  });
});

function lint(cwd: string, file: string): string {
  const biome = join(repo, 'node_modules/@biomejs/biome/bin/biome');
  try {
    return execFileSync(process.execPath, [biome, 'lint', '--colors=off', file], {
      cwd,
      encoding: 'utf8',
      stdio: 'pipe',
    });
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    return stdout + stderr;
  }
}
