/**
 * What the machine allows BigQuery: POST, download, the same Parquet by DuckDB alone, its upload as a load job. Nothing is
 * checked, measured or committed: the load job's table is what it leaves. On Node, as exportd is, so that what is compared
 * is what exportd does, and not what its runtime takes.
 *
 * `node bench/bigquery-limit.ts BASE_URL BIGQUERY_URL DATASET SCRATCH_FILE DAY COUNTERS`
 */
import { randomUUID } from 'node:crypto';
import { createReadStream, rmSync, statSync } from 'node:fs';
import { request } from 'node:http';
import { Readable } from 'node:stream';
import { json } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { writeParquetAlone } from './parquet-alone.ts';

const [base = '', bigquery = '', dataset = '', scratch = '', day = '', counters = '10'] = process.argv.slice(2);
interface Job {
  readonly jobReference: { readonly jobId: string };
  readonly status: { readonly state: string; readonly errorResult?: { readonly message: string } };
}

const parquet = await writeParquetAlone(base, scratch, day, Number(counters));

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
