import type { Config } from './config/load.ts';
import type { SourceConfig } from './config/settings.ts';
import { clockFinding, type Finding, finding } from './core/finding.ts';
import { newestEndedBy } from './core/grid.ts';
import type { Instant } from './core/words.ts';
import type { Destination } from './destinations/destination.ts';
import { serverClock } from './http/server-clock.ts';
import type { Source } from './sources/source.ts';
import type { Spool } from './staging/spool.ts';

/** A finding, and whose it is. */
export interface Examined extends Finding {
  readonly of: 'source' | 'destination' | 'process';
  readonly name: string;
}

export interface DoctorTools {
  readonly config: Config;
  readonly clock: () => Instant;
  readonly source: (name: string) => Promise<Source>;
  readonly destination: (name: string) => Promise<Destination>;
  readonly spool: () => Promise<Spool>;
}

const DAY = 86_400_000;

/** Reaches everything that the config names, and checks rights by doing what a run does. */
export async function* examine(tools: DoctorTools, signal: AbortSignal): AsyncGenerator<Examined> {
  const { config, destination, spool } = tools;
  const spoolFinding = await finding('make the spool folder', async () => {
    await spool();
    return undefined;
  });
  yield { of: 'process', name: 'spool', ...spoolFinding };
  if (!spoolFinding.ok) return;
  for (const source of config.sources.values()) {
    for await (const found of examineSource(tools, source, signal)) yield { of: 'source', name: source.name, ...found };
  }
  for (const name of config.destinations.keys()) {
    for await (const found of (await destination(name)).check(signal)) yield { of: 'destination', name, ...found };
  }
}

/** The smallest export there is: yesterday's models. */
async function* examineSource(
  { clock, source, spool }: DoctorTools,
  configured: SourceConfig,
  signal: AbortSignal,
): AsyncGenerator<Finding> {
  const { name, key } = configured;
  yield await finding('export one day', async () => {
    const report = { dataType: 'models', groupBy: undefined } as const;
    const grid = { grain: 'day', span: 1, timezone: 'UTC' } as const;
    const period = newestEndedBy({ source: key, report, grid }, clock());
    await using file = (await spool()).file('.body');
    const extract = await (await source(name)).extract({ report, period, urgency: 'awaited' }, file, signal);
    return extract.kind === 'nothing' ? `it has no usage of ${period.date}` : undefined;
  });
  const url = configured.type === 'clickhouse' ? configured.url : configured.baseUrl;
  let skew: number | undefined;
  const asked = await finding('ask for its time', async () => {
    const at = await serverClock(url, signal);
    skew = at === undefined ? undefined : clock() - at;
    return undefined;
  });
  if (!asked.ok) yield asked;
  else if (skew !== undefined && Math.abs(skew) < DAY * 365) yield clockFinding(name, skew);
}
