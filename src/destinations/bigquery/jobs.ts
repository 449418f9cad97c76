import { setTimeout as pause } from 'node:timers/promises';
import { BigQueryFailure, kindOf, wasRefused } from './failure.ts';
import type { JobResource } from './resources.ts';
import type { Session } from './session.ts';

/** Nobody knows whether the job runs, ran or never began: it must be asked for again under the same id. */
export class JobInDoubt extends Error {
  override readonly name = 'JobInDoubt';
  readonly job: string;

  constructor(job: string) {
    super(`job ${job}: its state could not be learnt`);
    this.job = job;
  }
}

/** Milliseconds on the server, which stops a job that takes longer. */
export const JOB_TIMEOUT = 30 * 60_000;

/** Milliseconds after which a job that the server has neither done nor stopped is given up. */
const PATIENCE = JOB_TIMEOUT + 10 * 60_000;

/** Milliseconds between two looks at a job: from, to. */
const LOOKS = [100, 2_000] as const;

/** Looks in a row that may fail. */
const MISSED_LOOKS = 6;

/**
 * Runs a job to its end, once: whatever answer is lost, whatever was begun under this id before. An id is used up by the
 * job that has it, so a job that is there is waited for and not begun again.
 *
 * `file`: the body of a load job. `begun`: it may be there already, and is looked for first.
 * Throws BigQueryFailure (its `job` is set where the job ran and failed, which uses its id up) or JobInDoubt; the
 * signal's reason where it is aborted.
 */
export async function runJob(
  session: Session,
  job: JobResource,
  { file, begun = false, signal }: { file?: string; begun?: boolean; signal?: AbortSignal | undefined } = {},
): Promise<JobResource> {
  const there = begun ? await look(session, job, signal) : undefined;
  let now = there ?? (await begin(session, job, file, signal));
  const began = performance.now();
  for (let wait: number = LOOKS[0]; now.status?.state !== 'DONE'; wait = Math.min(wait * 2, LOOKS[1])) {
    if (performance.now() - began > PATIENCE) inDoubt(job);
    await pause(wait, undefined, { signal });
    now = (await look(session, job, signal)) ?? inDoubt(job);
  }
  const failed = now.status?.errorResult;
  if (failed === undefined) return now;
  throw new BigQueryFailure(failed.message ?? '', { reason: failed.reason, job: job.jobReference.jobId });
}

async function begin(
  session: Session,
  job: JobResource,
  file: string | undefined,
  signal: AbortSignal | undefined,
): Promise<JobResource> {
  const { service, place } = session;
  try {
    if (file !== undefined) return await service.upload(job, file, signal);
    const path = `/projects/${place.billingProject}/jobs`;
    return await service.send<JobResource>({ method: 'POST', path, body: job }, signal);
  } catch (error) {
    if (!(error instanceof BigQueryFailure)) throw error;
    if (kindOf(error) !== 'exists' && wasRefused(error)) throw error;
    // That it is not there proves nothing: the request may still be on its way.
    return (await look(session, job, signal)) ?? inDoubt(job);
  }
}

/** The job as it is now; undefined where BigQuery knows none of this id in its location. */
async function look(
  { service, place }: Session,
  { jobReference: { jobId, location } }: JobResource,
  signal: AbortSignal | undefined,
): Promise<JobResource | undefined> {
  const path = `/projects/${place.billingProject}/jobs/${jobId}`;
  return await insistently(
    jobId,
    async () => {
      try {
        return await service.send<JobResource>({ method: 'GET', path, query: { location } }, signal);
      } catch (error) {
        if (error instanceof BigQueryFailure && kindOf(error) === 'missing') return undefined;
        throw error;
      }
    },
    signal,
  );
}

/** Asks of a job again where no answer came: a question changes nothing. Throws JobInDoubt where none comes at all. */
export async function insistently<T>(job: string, ask: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  for (let missed = 1; ; missed++) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof BigQueryFailure)) throw error;
      if (missed === MISSED_LOOKS) throw new JobInDoubt(job);
    }
    await pause(Math.min(LOOKS[0] * 2 ** missed, LOOKS[1]), undefined, { signal });
  }
}

function inDoubt({ jobReference }: JobResource): never {
  throw new JobInDoubt(jobReference.jobId);
}
