import type { Config } from '../config/load.ts';
import type { ExportdError } from '../core/errors.ts';
import type { Instant, Job, Plan, TableState } from '../core/words.ts';
import type { RunEvent } from '../run/events.ts';

/** Why a job was put into the queue. `rest`: what a bounded plan left over; `person`: asked for over HTTP. */
export type Cause = 'tick' | 'start' | 'reload' | 'rest' | 'person';

/** A table of the ledger that no job of the config loads any more. */
export interface OrphanedTable {
  /** Name in the YAML. */
  readonly destination: string;
  readonly table: string;
  /** The job that last wrote it. */
  readonly job: string;
  readonly lastLoad: Instant;
}

/**
 * All that log, metrics, alerts and page know of the daemon; run events pass through it unchanged.
 *
 * A job's life: `job.queued`, then `job.planned` or `job.unplanned`, then where something is due, and as soon as there is
 * a place for it, `job.started` and the events of its run, then exactly one `job.ended`.
 */
export type DaemonEvent =
  | RunEvent
  | ({ readonly at: Instant } & (
      | {
          readonly type: 'config.loaded';
          readonly config: Config;
          /** The first 12 hex digits of a digest of its files and secrets. */
          readonly version: string;
          /** False for the one that the daemon started with. */
          readonly reloaded: boolean;
        }
      /** A reload found errors: the config before stays. `problems` as `exportd validate` prints them. */
      | { readonly type: 'config.broken'; readonly problems: readonly string[] }
      /** After every look; `dueJobs` may be none. */
      | { readonly type: 'look'; readonly dueJobs: readonly string[] }
      | {
          readonly type: 'job.queued' | 'job.started';
          readonly job: string;
          readonly why: Cause;
          /** The newest tick that it answers, so that lateness is at - tick; undefined where no tick asked. */
          readonly tick: Instant | undefined;
        }
      /** One plan for each of the job's sources, and the table as it was read for them. */
      | {
          readonly type: 'job.planned';
          readonly job: Job;
          readonly plans: readonly Plan[];
          readonly state: TableState;
        }
      /** Its ledger could not be read, or planning threw: the next tick tries again. */
      | { readonly type: 'job.unplanned'; readonly job: string; readonly error: ExportdError }
      | {
          readonly type: 'job.ended';
          readonly job: string;
          /** undefined where nothing was due, or nothing could be planned. */
          readonly runId: string | undefined;
          /** What ended the whole of it; periods that failed have said so themselves. */
          readonly error: ExportdError | undefined;
        }
      /** All there are in the destination that a plan read, none included: it replaces what was said of it before. */
      | { readonly type: 'orphans'; readonly destination: string; readonly orphans: readonly OrphanedTable[] }
      /** A stop was asked for: nothing new starts. */
      | { readonly type: 'stopping' }
      /** `clean`: within the grace. */
      | { readonly type: 'stopped'; readonly clean: boolean }
    ));

/** Synchronous, and must not throw. */
export type Tell = (event: DaemonEvent) => void;
