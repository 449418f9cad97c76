import { Gauge, type Registry } from 'prom-client';
import type { Instant } from '../core/words.ts';
import { VERSION } from '../version.ts';
import type { LastSeen } from './last-seen.ts';
import type { Contact } from './reach.ts';

/** How the daemon itself stands, and what it reaches, filled in at a scrape. */
export class ProcessGauges {
  readonly #ready: Gauge;
  readonly #broken: Gauge;
  readonly #loaded: Gauge;
  readonly #looked: Gauge;
  readonly #instances: Gauge;
  readonly #orphans: Gauge;
  readonly #version: Gauge<'version'>;
  readonly #sources: Gauge<'source'>;
  readonly #rates: Gauge<'source'>;
  readonly #destinations: Gauge<'destination'>;

  constructor(registry: Registry) {
    const gauge = <L extends string = never>(name: string, help: string, labelNames: readonly L[] = []) =>
      new Gauge<L>({ name: `exportd_${name}`, help, labelNames, registers: [registry] });
    this.#ready = gauge('ready', '1 where /readyz says yes');
    this.#broken = gauge('config_broken', '1 where a newer config cannot be used and the one before stays');
    this.#loaded = gauge('config_loaded_timestamp_seconds', 'When the config in force was read');
    this.#looked = gauge('last_look_timestamp_seconds', 'When the daemon last looked what is due');
    this.#instances = gauge('other_instances', 'Other exportd processes seen in the ledgers when they were last read');
    this.#orphans = gauge('orphaned_tables', 'Tables of the ledgers that no job loads any more');
    this.#version = gauge('config_info', 'The config in force', ['version']);
    this.#sources = gauge('source_up', '1 where it answered when it was last asked', ['source']);
    this.#rates = gauge('source_rate_limit_per_second', 'Requests that may leave', ['source']);
    this.#destinations = gauge('destination_up', '1 where it answered when it was last asked', ['destination']);
    gauge('build_info', 'exportd and what runs it', ['version', 'node']).set(
      { version: VERSION, node: process.version },
      1,
    );
  }

  fill(lastSeen: LastSeen, now: Instant): void {
    for (const gauge of [this.#version, this.#sources, this.#rates, this.#destinations]) gauge.reset();
    const { config, version, loadedAt, broken } = lastSeen.config();
    this.#ready.set(Number(lastSeen.notReady().length === 0));
    this.#broken.set(Number(broken !== undefined));
    this.#loaded.set((loadedAt ?? 0) / 1000);
    this.#looked.set((lastSeen.lookedAt ?? 0) / 1000);
    const instances = [...lastSeen.jobs(now)].flatMap((job) => job.instances);
    this.#instances.set(new Set(instances).size);
    this.#orphans.set(lastSeen.orphans().length);
    if (version !== undefined) this.#version.set({ version }, 1);
    const { sources, destinations } = lastSeen.reach();
    for (const [source, contact] of sources) this.#sources.set({ source }, isUp(contact));
    for (const [destination, contact] of destinations) this.#destinations.set({ destination }, isUp(contact));
    for (const { name: source, rate } of config?.jobs.flatMap((job) => job.sources) ?? []) {
      if (rate !== undefined) this.#rates.set({ source }, (rate.requests / rate.window) * 1000);
    }
  }
}

function isUp({ failure }: Contact): 0 | 1 {
  return failure === undefined ? 1 : 0;
}
