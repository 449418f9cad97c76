import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { VERSION } from '../version.ts';
import type { Exported } from './record.ts';

const HISTOGRAM_SECONDS = [0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300];

/** What a scrape sees. No label names a workspace, a key or a person. */
export class ApiMetrics {
  readonly #registry = new Registry();
  readonly #exports: Counter<'data_type' | 'format' | 'outcome'>;
  readonly #rows: Counter<'data_type' | 'format'>;
  readonly #seconds: Histogram<'format'>;
  readonly #downloads: Counter<'outcome'>;
  readonly #inHand: Gauge;

  constructor() {
    const registers = [this.#registry];
    collectDefaultMetrics({ register: this.#registry });
    this.#exports = new Counter({
      name: 'exportd_api_exports_total',
      help: 'Requests for an export, by how they ended: exported, empty, refused, failed, broken',
      labelNames: ['data_type', 'format', 'outcome'],
      registers,
    });
    this.#rows = new Counter({
      name: 'exportd_api_rows_total',
      help: 'Rows exported',
      labelNames: ['data_type', 'format'],
      registers,
    });
    this.#seconds = new Histogram({
      name: 'exportd_api_export_seconds',
      help: 'From a request to the end of its answer',
      labelNames: ['format'],
      buckets: HISTOGRAM_SECONDS,
      registers,
    });
    this.#downloads = new Counter({
      name: 'exportd_api_downloads_total',
      help: 'Downloads of CSV exports: served, gone, expired, forged',
      labelNames: ['outcome'],
      registers,
    });
    this.#inHand = new Gauge({ name: 'exportd_api_exports_in_hand', help: 'Exports being answered', registers });
    const info = {
      name: 'exportd_api_info',
      help: 'exportd and what runs it',
      labelNames: ['version', 'node'],
    } as const;
    new Gauge({ ...info, registers }).set({ version: VERSION, node: process.version }, 1);
  }

  began(): void {
    this.#inHand.inc();
  }

  ended({ route: { dataType, format }, outcome, count, ms }: Exported): void {
    this.#inHand.dec();
    this.#exports.inc({ data_type: dataType, format, outcome });
    if (outcome === 'exported') this.#rows.inc({ data_type: dataType, format }, count.rows);
    if (outcome !== 'refused') this.#seconds.observe({ format }, ms / 1000);
  }

  downloaded(outcome: 'served' | 'gone' | 'expired' | 'forged'): void {
    this.#downloads.inc({ outcome });
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }
}
