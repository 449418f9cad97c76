import { ExportdError } from '../../core/errors.ts';
import type { Instant, LedgerEntry } from '../../core/words.ts';
import type { Staged } from '../../staging/staged.ts';
import { type Batch, expectedRows } from '../destination.ts';
import { METADATA } from '../metadata.ts';
import { countDiffers, tableGone } from '../refusals.ts';
import { commitScript, RAISED } from './commit-script.ts';
import { BigQueryFailure, kindOf, told } from './failure.ts';
import { insistently, JOB_TIMEOUT, JobInDoubt, runJob } from './jobs.ts';
import { jobLabels, jobRows } from './queries.ts';
import type { JobResource } from './resources.ts';
import { LEDGER, lockOf, stagedFields, stagingTable } from './schema.ts';
import { datasetPath, type Session } from './session.ts';

/** How far a batch got: the same batch may be passed again, and is not staged twice. */
export interface Progress {
  /** Its rows are in the staging table. */
  staged: boolean;
  /** Attempts whose job id is used up. */
  readonly failed: { load: number; commit: number };
  /** Jobs of which no answer came. */
  readonly begun: Set<string>;
}

export function untouched(): Progress {
  return { staged: false, failed: { load: 0, commit: 0 }, begun: new Set() };
}

/** Milliseconds that a staging table lives which nobody drops. */
const STAGING_LIFE = 24 * 3_600_000;

/**
 * See Destination.replace: one load job into a table of the batch's own, then one script. The signal is heard until the
 * script begins.
 */
export async function replace(
  session: Session,
  batch: Batch,
  progress: Progress,
  now: Instant,
  signal: AbortSignal,
): Promise<readonly LedgerEntry[]> {
  const { staged, table, entries, insert } = batch;
  const id = staged?.id ?? entries[0]?.loadId ?? '';
  const staging = staged === undefined || insert.length === 0 ? undefined : stagingName(id);
  if (staged !== undefined && staging !== undefined && !progress.staged) {
    await stage(session, batch, staged, { id, staging, progress, now, signal });
    progress.staged = true;
  }
  signal.throwIfAborted();
  const statement = commitScript({
    table: session.table(table.name),
    ledger: session.table(LEDGER),
    lock: session.table(lockOf(table.name)),
    staging: staging === undefined ? undefined : session.stagingTable(staging),
    columns: staged === undefined ? [] : [...writtenColumns(staged), ...METADATA],
    insert,
    entries,
    dates: batch.dates,
    expectedRows: expectedRows(batch),
    batch: id,
  });
  const { maximumBytesBilled } = session.settings;
  const job = newJob(session, 'commit', id, progress, {
    query: {
      query: statement.sql,
      useLegacySql: false,
      parameterMode: 'NAMED',
      queryParameters: statement.parameters,
      ...(maximumBytesBilled === undefined ? {} : { maximumBytesBilled }),
    },
  });
  let committed: readonly LedgerEntry[];
  try {
    await attempt(session, job, 'commit', progress, {});
    committed = await appended(session, job.jobReference.jobId, entries);
  } catch (error) {
    const why = commitError(session, table.name, error);
    if (staging !== undefined && why instanceof ExportdError && !why.retryable) await drop(session, staging);
    throw why;
  }
  if (staging !== undefined) await drop(session, staging);
  return committed;
}

interface Stage {
  readonly id: string;
  readonly staging: string;
  readonly progress: Progress;
  readonly now: Instant;
  readonly signal: AbortSignal;
}

/** Throws COMMIT_FAILED: nothing has changed. */
async function stage(session: Session, batch: Batch, staged: Staged, { id, staging, progress, now, signal }: Stage) {
  const { place, service } = session;
  const columns = writtenColumns(staged);
  const doing = {
    destination: place.name,
    what: `staging a batch of table ${batch.table.name}`,
    committing: true,
  };
  try {
    const path = `${datasetPath(place.project, place.stagingDataset)}/tables`;
    const body = stagingTable(session, staging, columns, now + STAGING_LIFE);
    await service.send({ method: 'POST', path, body }, signal).catch((error: unknown) => {
      if (!(error instanceof BigQueryFailure && kindOf(error) === 'exists')) throw error;
    });
    const job = newJob(session, 'load', id, progress, {
      load: {
        destinationTable: body.tableReference,
        sourceFormat: 'PARQUET',
        schema: { fields: stagedFields(columns) },
        createDisposition: 'CREATE_NEVER',
        writeDisposition: 'WRITE_TRUNCATE',
        decimalTargetTypes: ['NUMERIC', 'BIGNUMERIC'],
      },
    });
    const done = await attempt(session, job, 'load', progress, { file: staged.file.path, signal });
    const arrived = Number(done.statistics?.load?.outputRows ?? 0);
    if (arrived < expectedRows(batch)) throw countDiffers(batch.table.name, arrived, expectedRows(batch));
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof JobInDoubt) {
      throw new ExportdError('COMMIT_FAILED', `destination ${place.name}: no answer to load job ${error.job}`, {
        scope: 'table',
        retryable: true,
      });
    }
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      throw new ExportdError('COMMIT_FAILED', `table ${batch.table.name}: the staged file is gone`, { scope: 'table' });
    }
    throw told(error, doing);
  }
}

/** Runs a job of the batch; one that ran and failed has used its id up, one without an answer keeps it. */
async function attempt(
  session: Session,
  job: JobResource,
  kind: 'load' | 'commit',
  progress: Progress,
  how: { readonly file?: string; readonly signal?: AbortSignal },
): Promise<JobResource> {
  const { jobId } = job.jobReference;
  const begun = progress.begun.has(jobId);
  progress.begun.add(jobId);
  try {
    return await runJob(session, job, { ...how, begun });
  } catch (error) {
    if (error instanceof BigQueryFailure && error.job !== undefined) progress.failed[kind] += 1;
    throw error;
  }
}

function newJob(
  session: Session,
  kind: 'load' | 'commit',
  id: string,
  { failed }: Progress,
  configuration: Pick<JobResource['configuration'], 'load' | 'query'>,
): JobResource {
  return {
    jobReference: {
      projectId: session.place.billingProject,
      jobId: `exportd_${kind}_${id}_${failed[kind] + 1}`,
      location: session.location,
    },
    configuration: { ...configuration, labels: jobLabels(session, kind), jobTimeoutMs: String(JOB_TIMEOUT) },
  };
}

function commitError(session: Session, table: string, error: unknown): unknown {
  if (error instanceof JobInDoubt) {
    return new ExportdError('COMMIT_UNKNOWN', `table ${table}: no answer to job ${error.job}; it is asked for again`, {
      scope: 'table',
      retryable: true,
    });
  }
  if (error instanceof BigQueryFailure) {
    const count = RAISED.count.exec(error.message);
    if (count !== null) return countDiffers(table, Number(count[1]), Number(count[2]));
    if (error.message.includes(RAISED.lock)) {
      return new ExportdError(
        'COMMIT_FAILED',
        `table ${table}: somebody emptied ${lockOf(table)}; nothing was changed`,
        {
          scope: 'table',
          hint: 'The next run puts its row back.',
        },
      );
    }
    if (kindOf(error) === 'missing') return tableGone(table);
  }
  return told(error, { destination: session.place.name, what: `committing to table ${table}`, committing: true });
}

/** The entries that the ledger has, in the batch's order, as the script's last statement answered. */
async function appended(
  session: Session,
  jobId: string,
  entries: readonly LedgerEntry[],
): Promise<readonly LedgerEntry[]> {
  const rows = await insistently(jobId, () => jobRows(session, jobId));
  const loadedAt = new Map<string | null | undefined, Instant>(rows.map(([loadId, ms]) => [loadId, Number(ms)]));
  return entries.flatMap((entry) => {
    const at = loadedAt.get(entry.loadId);
    return at === undefined ? [] : [{ ...entry, loadedAt: at }];
  });
}

function writtenColumns({ columns, written }: Staged) {
  return columns.filter(({ name }) => written.has(name));
}

function stagingName(batch: string): string {
  return `_exportd_staging_${batch.replaceAll('-', '_')}`;
}

/** It goes by itself within a day; no batch fails for it. */
async function drop({ service, place }: Session, staging: string): Promise<void> {
  const path = `${datasetPath(place.project, place.stagingDataset)}/tables/${staging}`;
  await Promise.allSettled([service.send({ method: 'DELETE', path })]);
}
