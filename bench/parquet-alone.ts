/** What DuckDB alone makes of an export: POST, download, and the Parquet that exportd stages of it. Nothing is checked. */
import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { request } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { DuckDBInstance } from '@duckdb/node-api';

/** Columns of the export and their types. */
export function columnsOf(counters: number): Readonly<Record<string, string>> {
  return {
    period_start: 'DATE',
    period_end: 'DATE',
    org_id: 'VARCHAR',
    user_id: 'VARCHAR',
    email: 'VARCHAR',
    name: 'VARCHAR',
    period: 'DATE',
    created_at: 'TIMESTAMPTZ',
    last_seen_at: 'TIMESTAMPTZ',
    ...Object.fromEntries(Array.from({ length: counters }, (_, k) => [`c${k + 1}`, 'BIGINT'])),
    spend: 'DECIMAL(38,9)',
    score: 'DECIMAL(38,9)',
    tags_json: 'VARCHAR',
    features_json: 'VARCHAR',
  };
}

/** Downloads the day into `scratch`, and writes the Parquet beside it; returns its path. */
export async function writeParquetAlone(base: string, scratch: string, day: string, counters: number): Promise<string> {
  const asked = await fetch(`${base}/export/users/csv`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      from: { date: `${day}T00:00:00.000Z`, timezone: 'UTC' },
      to: { date: `${day}T23:59:59.999Z`, timezone: 'UTC' },
    }),
  });
  const { data } = (await asked.json()) as { data: { downloadUrl: string } };
  await new Promise((done, failed) => {
    request(data.downloadUrl, (body) => pipeline(body, createWriteStream(scratch)).then(done, failed)).end();
  });

  // As exportd opens its engine.
  const instance = await DuckDBInstance.create(':memory:', {
    memory_limit: '512MB',
    preserve_insertion_order: 'false',
  });
  const connection = await instance.connect();
  await connection.run("SET TimeZone = 'UTC'");
  const parquet = `${scratch}.parquet`;
  const types = Object.entries(columnsOf(counters)).map(([name, type]) => `'${name}': '${type}'`);
  await connection.run(`COPY (
    SELECT *, 'mock/users/${day}' AS _period_key, DATE '${day}' AS _period_date, TIMESTAMPTZ '${day} 00:00:00+00' AS _period_start,
      TIMESTAMPTZ '${day} 00:00:00+00' + INTERVAL 1 DAY AS _period_end, 'mock' AS _source, '${randomUUID()}' AS _load_id,
      now() AS _extracted_at
    FROM read_csv('${scratch}', header = true, auto_detect = false, columns = {${types.join(', ')}}, delim = ',', quote = '"', escape = '"')
  ) TO '${parquet}' (FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE 30720)`);
  connection.closeSync();
  instance.closeSync();
  return parquet;
}
