import { rm, stat } from 'node:fs/promises';
import { type Finding, finding } from '../../core/finding.ts';
import { quoteName } from '../../duckdb/engine.ts';
import type { DuckDbFile } from './connect.ts';

/** A name that no job can give a table. */
const PROBE = '_exportd_doctor';

/** See Destination.check. A file that is not there yet is made, and goes again. */
export async function* check(file: DuckDbFile, path: string, signal: AbortSignal): AsyncGenerator<Finding> {
  const wasThere = await exists(path);
  yield await finding(`make and drop a table in ${path}`, async () => {
    await file.makeFolder();
    try {
      await file.write(signal, async (attached) => {
        const probe = attached.table(PROBE);
        await attached.connection.run('BEGIN');
        const schema = [attached.catalog, attached.schema].map(quoteName).join('.');
        await attached.connection.run(`CREATE SCHEMA IF NOT EXISTS ${schema}`);
        await attached.connection.run(`CREATE OR REPLACE TABLE ${probe} (probe INTEGER)`);
        await attached.connection.run(`DROP TABLE ${probe}`);
        await attached.connection.run('ROLLBACK');
      });
    } finally {
      if (!wasThere) await Promise.allSettled([rm(path, { force: true }), rm(`${path}.wal`, { force: true })]);
    }
    return wasThere ? undefined : 'the file is not there yet: the first run makes it';
  });
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}
