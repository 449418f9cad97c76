import type { Config } from './config/load.ts';
import type { BigQueryConfig, SnowflakeConfig } from './config/settings.ts';
import type { Instant } from './core/words.ts';
import type { BigQueryOptions } from './destinations/bigquery/index.ts';
import type { Destination } from './destinations/destination.ts';
import type { SnowflakeOptions } from './destinations/snowflake/index.ts';
import type { Engine } from './duckdb/engine.ts';
import { VERSION } from './version.ts';

export interface DestinationOpening {
  readonly engine: () => Promise<Engine>;
  /** `<hostname>/<8 hex digits>`: ours in the ledger. */
  readonly instance: string;
  readonly clock: () => Instant;
}

/** Opens destinations by their names in the config, each adapter imported when it is first needed. */
export function openDestinations(config: Config, opening: DestinationOpening): (name: string) => Promise<Destination> {
  const { engine, instance, clock } = opening;
  return async (name) => {
    const configured = config.destinations.get(name);
    if (configured === undefined) throw new TypeError(`${name} is missing: the config was checked for it`);
    if (configured.type === 'bigquery') {
      const { openBigQuery } = await import('./destinations/bigquery/index.ts');
      return openBigQuery({ ...bigQueryOptions(configured), instance, clock });
    }
    if (configured.type === 'snowflake') {
      const { openSnowflake } = await import('./destinations/snowflake/index.ts');
      return openSnowflake({ ...snowflakeOptions(configured), instance, clock });
    }
    const { openDuckDb } = await import('./destinations/duckdb/index.ts');
    return openDuckDb({ ...configured, lockTimeout: config.daemon.lockTimeout, engine, instance, clock });
  };
}

function bigQueryOptions(configured: BigQueryConfig): Omit<BigQueryOptions, 'instance' | 'clock'> {
  const { labels, maximumBytesBilled, partitionExpiration, requirePartitionFilter, type: _, ...place } = configured;
  return {
    place,
    settings: {
      labels,
      maximumBytesBilled: maximumBytesBilled === undefined ? undefined : String(maximumBytesBilled),
      partitionExpiration,
      requirePartitionFilter,
    },
    userAgent: `exportd/${VERSION}`,
  };
}

function snowflakeOptions(configured: SnowflakeConfig): Omit<SnowflakeOptions, 'instance' | 'clock'> {
  const { type: _, queryTag, transient, ...place } = configured;
  return { place, settings: { queryTag, transient }, application: `exportd_${VERSION}` };
}
