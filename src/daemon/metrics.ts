import { Counter, collectDefaultMetrics, Histogram, Registry } from 'prom-client';
import type { Instant } from '../core/words.ts';
import type { DaemonEvent } from './daemon-events.ts';
import { JobGauges } from './job-gauges.ts';
import type { LastSeen } from './last-seen.ts';
import { ProcessGauges } from './process-gauges.ts';
import { sourceOf } from './reach.ts';

/** How a notification ended. */
export type Delivery = 'sent' | 'dropped';

/**
 * Everything that Prometheus is told; docs/operations.md says what each means. Labels are names of the config, outcomes,
 * reasons and error codes: never a period's key or a run's id, so that their number is bounded by the config.
 */
export class Metrics {
  readonly #registry = new Registry();
  readonly #lastSeen: LastSeen;
  readonly #clock: () => Instant;
  readonly #jobs: JobGauges;
  readonly #process: ProcessGauges;
  /** When runs under way began. */
  readonly #begun = new Map<string, Instant>();
  #mayHaveGone = false;

  readonly #periods: Counter<'job' | 'outcome' | 'reason'>;
  readonly #errors: Counter<'job' | 'code'>;
  readonly #rows: Counter<'job'>;
  readonly #exports: Counter<'source'>;
  readonly #bytes: Counter<'source'>;
  readonly #retries: Counter<'what' | 'code'>;
  readonly #slowed: Counter<'source'>;
  readonly #loads: Counter<'result'>;
  readonly #unplanned: Counter<'code'>;
  readonly #deliveries: Counter<'result'>;
  readonly #exportSeconds: Histogram<'source'>;
  readonly #commitSeconds: Histogram;
  readonly #runSeconds: Histogram;
  readonly #lateness: Histogram;

  /** @param lastSeen has been told of every event before these metrics are */
  constructor(lastSeen: LastSeen, clock: () => Instant) {
    this.#lastSeen = lastSeen;
    this.#clock = clock;
    const registers = [this.#registry];
    const counter = <L extends string = never>(name: string, help: string, labelNames: readonly L[] = []) =>
      new Counter<L>({ name: `exportd_${name}`, help, labelNames, registers });
    const histogram = <L extends string = never>(
      name: string,
      help: string,
      buckets: number[],
      labelNames: readonly L[] = [],
    ) => new Histogram<L>({ name: `exportd_${name}`, help, buckets, labelNames, registers });
    this.#periods = counter('periods_total', 'Periods that ended', ['job', 'outcome', 'reason']);
    this.#errors = counter('period_errors_total', 'Periods that failed or were held', ['job', 'code']);
    this.#rows = counter('rows_total', 'Rows of the periods that were loaded', ['job']);
    this.#exports = counter('exports_total', 'Exports that arrived whole; their rate is the pace', ['source']);
    this.#bytes = counter('bytes_total', 'Bytes of those exports', ['source']);
    this.#retries = counter('retries_total', 'Attempts that are made again', ['what', 'code']);
    this.#slowed = counter('source_slowed_total', 'Times that a source asked for less', ['source']);
    this.#loads = counter('config_loads_total', 'Configs read: taken or broken', ['result']);
    this.#unplanned = counter('unplanned_total', 'Plans that could not be made', ['code']);
    this.#deliveries = counter('notifications_total', 'Notifications: sent, or dropped in the end', ['result']);
    this.#exportSeconds = histogram(
      'export_seconds',
      'From request to answer',
      [0.5, 1, 2.5, 5, 10, 30, 60, 120, 300],
      ['source'],
    );
    this.#commitSeconds = histogram('commit_seconds', 'One transaction', [0.05, 0.1, 0.5, 1, 5, 10, 30, 60]);
    this.#runSeconds = histogram('run_seconds', 'One run', [1, 5, 15, 60, 300, 900, 3600, 14_400]);
    this.#lateness = histogram(
      'start_lateness_seconds',
      "From a job's tick to the start of its run",
      [1, 15, 30, 60, 300, 900, 3600, 21_600],
    );
    this.#jobs = new JobGauges(this.#registry);
    this.#process = new ProcessGauges(this.#registry);
    collectDefaultMetrics({ register: this.#registry, prefix: 'exportd_' });
  }

  readonly contentType = Registry.PROMETHEUS_CONTENT_TYPE;

  /** Everything, as Prometheus scrapes it. */
  async text(): Promise<string> {
    await this.#forgetGoneJobs();
    const now = this.#clock();
    this.#jobs.fill(this.#lastSeen, now);
    this.#process.fill(this.#lastSeen, now);
    return this.#registry.metrics();
  }

  delivered(result: Delivery): void {
    this.#deliveries.inc({ result });
  }

  tell(event: DaemonEvent): void {
    const sourceNamed = (told: { readonly job: string; readonly key: string }) =>
      sourceOf(told, (name) => this.#lastSeen.jobNamed(name)) ?? 'unknown';
    switch (event.type) {
      case 'config.loaded':
        this.#loads.inc({ result: 'taken' });
        this.#mayHaveGone = true;
        break;
      case 'config.broken':
        this.#loads.inc({ result: 'broken' });
        break;
      case 'job.started':
        if (event.tick !== undefined) this.#lateness.observe(Math.max(0, event.at - event.tick) / 1000);
        break;
      case 'job.unplanned':
        this.#unplanned.inc({ code: event.error.code });
        break;
      case 'run.planned':
        this.#begun.set(event.runId, event.at);
        break;
      case 'run.finished':
        this.#runSeconds.observe(Math.max(0, event.at - (this.#begun.get(event.runId) ?? event.at)) / 1000);
        this.#begun.delete(event.runId);
        break;
      case 'job.ended':
        if (event.runId !== undefined) this.#begun.delete(event.runId);
        break;
      case 'period.extracted': {
        const source = sourceNamed(event);
        this.#exports.inc({ source });
        this.#bytes.inc({ source }, event.bytes);
        this.#exportSeconds.observe({ source }, event.ms / 1000);
        break;
      }
      case 'period.retrying':
        this.#retries.inc({ what: 'export', code: event.error.code });
        break;
      case 'batch.retrying':
        this.#retries.inc({ what: 'commit', code: event.error.code });
        break;
      case 'batch.committed':
        this.#commitSeconds.observe(event.ms / 1000);
        break;
      case 'source.slowed':
        this.#slowed.inc({ source: event.source });
        break;
      case 'period.done':
        this.#periodDone(event);
        break;
      default:
    }
  }

  #periodDone({ job, outcome, rows, error, entry }: Extract<DaemonEvent, { type: 'period.done' }>): void {
    if (this.#lastSeen.jobNamed(job) === undefined) return;
    this.#periods.inc({ job, outcome, reason: entry?.reason ?? 'none' });
    if (outcome === 'loaded') this.#rows.inc({ job }, rows);
    if (outcome === 'failed' || outcome === 'held') this.#errors.inc({ job, code: error?.code ?? 'INTERNAL' });
  }

  /** Series of jobs that are gone would be scraped for ever. */
  async #forgetGoneJobs(): Promise<void> {
    if (!this.#mayHaveGone) return;
    this.#mayHaveGone = false;
    const isGone = (job: unknown) => this.#lastSeen.jobNamed(String(job)) === undefined;
    for (const { labels } of (await this.#periods.get()).values) if (isGone(labels.job)) this.#periods.remove(labels);
    for (const { labels } of (await this.#errors.get()).values) if (isGone(labels.job)) this.#errors.remove(labels);
    for (const { labels } of (await this.#rows.get()).values) if (isGone(labels.job)) this.#rows.remove(labels);
  }
}
