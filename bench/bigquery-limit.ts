/**
 * What the machine allows BigQuery: POST, download, the same Parquet by DuckDB alone, its upload as a load job. Nothing is
 * checked, measured or committed: the load job's table is what it leaves. On Node, as exportd is, so that what is compared
 * is what exportd does, and not what its runtime takes.
 *
 * `node bench/bigquery-limit.ts BASE_URL BIGQUERY_URL DATASET SCRATCH_FILE DAY COUNTERS`
 */
import { randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream, rmSync, statSync } from 'node:fs';
import { request } from 'node:http';
import { Readable } from 'node:stream';
import { json } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { DuckDBInstance } from '@duckdb/node-api';

const [base = '', bigquery = '', dataset = '', scratch = '', day = '', counters = '10'] = process.argv.slice(2);
const COLUMNS: Readonly<Record<string, string>> = {
  period_start: 'DATE',
  period_end: 'DATE',
  org_id: 'VARCHAR',
  user_id: 'VARCHAR',
  email: 'VARCHAR',
  name: 'VARCHAR',
  period: 'DATE',
  created_at: 'TIMESTAMPTZ',
  last_seen_at: 'TIMESTAMPTZ',
  ...Object.fromEntries(Array.from({ length: Number(counters) }, (_, k) => [`c${k + 1}`, 'BIGINT'])),
  spend: 'DECIMAL(38,9)',
  score: 'DECIMAL(38,9)',
  tags_json: 'VARCHAR',
  features_json: 'VARCHAR',
};

interface Job {
  readonly jobReference: { readonly jobId: string };
  readonly status: { readonly state: string; readonly errorResult?: { readonly message: string } };
}

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
const instance = await DuckDBInstance.create(':memory:', { memory_limit: '512MB', preserve_insertion_order: 'false' });
const connection = await instance.connect();
await connection.run("SET TimeZone = 'UTC'");
const parquet = `${scratch}.parquet`;
const types = Object.entries(COLUMNS).map(([name, type]) => `'${name}': '${type}'`);
await connection.run(`COPY (
  SELECT *, 'mock/users/${day}' AS _period_key, DATE '${day}' AS _period_date, TIMESTAMPTZ '${day} 00:00:00+00' AS _period_start,
    TIMESTAMPTZ '${day} 00:00:00+00' + INTERVAL 1 DAY AS _period_end, 'mock' AS _source, '${randomUUID()}' AS _load_id,
    now() AS _extracted_at
  FROM read_csv('${scratch}', header = true, auto_detect = false, columns = {${types.join(', ')}}, delim = ',', quote = '"', escape = '"')
) TO '${parquet}' (FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE 30720)`);
connection.closeSync();
instance.closeSync();

const boundary = randomUUID();
const job = {
  jobReference: { projectId: 'test', jobId: `limit_${randomUUID()}`, location: 'US' },
  configuration: {
    load: {
      destinationTable: { projectId: 'test', datasetId: dataset, tableId: 'limit' },
      sourceFormat: 'PARQUET',
      writeDisposition: 'WRITE_TRUNCATE',
    },
  },
};
const head = Buffer.from(
  `--${boundary}\r\nContent-Type: application/json\r\n\r\n${JSON.stringify(job)}\r\n` +
    `--${boundary}\r\nContent-Type: application/octet-stream\r\n\r\n`,
);
const tail = Buffer.from(`\r\n--${boundary}--`);
async function* body() {
  yield head;
  yield* createReadStream(parquet, { highWaterMark: 1 << 18 });
  yield tail;
}
let now = await new Promise<Job>((done, failed) => {
  const upload = request(`${bigquery}/upload/bigquery/v2/projects/test/jobs?uploadType=multipart`, {
    method: 'POST',
    headers: {
      'content-type': `multipart/related; boundary=${boundary}`,
      'content-length': head.length + statSync(parquet).size + tail.length,
    },
  });
  upload.on('response', (answer) => done(json(answer) as Promise<Job>));
  pipeline(Readable.from(body()), upload).catch(failed);
});
while (now.status.state !== 'DONE') {
  await pause(100);
  const look = await fetch(`${bigquery}/bigquery/v2/projects/test/jobs/${now.jobReference.jobId}`);
  now = (await look.json()) as Job;
}
if (now.status.errorResult !== undefined) throw new Error(now.status.errorResult.message);
rmSync(scratch);
rmSync(parquet);
