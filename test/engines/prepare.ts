import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { ClickHouseUnavailable, installClickHouse } from './clickhouse/install.ts';

const BUILD = fileURLToPath(new URL('../../scripts/build.ts', import.meta.url));

/** exportd as it is shipped, where test/cli/exportd.ts starts it. */
export function buildForTests(): void {
  execFileSync(process.execPath, [BUILD, '--for-tests'], { stdio: 'inherit' });
}

/**
 * Before any test: exportd as it is shipped, for the tests that start it as a process, and the engines. Where there is no
 * engine for this machine, only the tests that need one fail, and say why.
 */
export default async function prepare(): Promise<void> {
  buildForTests();
  try {
    await installClickHouse();
  } catch (error) {
    if (!(error instanceof ClickHouseUnavailable)) throw error;
    console.error(error.message);
  }
}
