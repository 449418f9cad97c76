import type { Config } from './config/load.ts';
import type { SourceConfig } from './config/settings.ts';
import type { Instant } from './core/words.ts';
import { createPace, type Pace } from './sources/pace.ts';
import type { OnSlowed, Source } from './sources/source.ts';

/** Paces by what they are the pace of: one for all that a process opens, also where a reload opens it again. */
export type Paces = Map<string, Pace>;

export interface SourceOpening {
  readonly clock: () => Instant;
  /** Lowers the concurrency of every source; never raises it. */
  readonly concurrency: number | undefined;
  readonly paces: Paces;
  /** Told when a source is braked. */
  readonly onSlowed: (source: string) => OnSlowed;
}

/** Opens sources by their names in the config, each adapter imported when it is first needed. */
export function openSources(config: Config, opening: SourceOpening): (name: string) => Promise<Source> {
  const { clock, paces } = opening;

  /** Sources that are one to the other side share one pace: the slowest of theirs. */
  const paceOf = (one: SourceConfig): Pace => {
    const twins = [...config.sources.values()].filter((source) => physicalSource(source) === physicalSource(one));
    const rates = twins
      .flatMap((twin) => (twin.type === 'export_api' && twin.rate !== undefined ? [twin.rate] : []))
      .sort((a, b) => a.requests / a.window - b.requests / b.window);
    const concurrency = Math.min(...twins.map((twin) => twin.concurrency), opening.concurrency ?? Infinity);
    const [rate] = rates;
    // A source that may be asked more, or less, than before gets a pace of its own.
    const id = JSON.stringify([physicalSource(one), rate, concurrency]);
    const pace = paces.get(id) ?? createPace({ rate, concurrency });
    paces.set(id, pace);
    return pace;
  };

  return async (name) => {
    const configured = config.sources.get(name);
    if (configured === undefined) throw new TypeError(`${name} is missing: the config was checked for it`);
    const pace = paceOf(configured);
    if (configured.type === 'clickhouse') {
      const { openClickHouseSource } = await import('./sources/clickhouse/index.ts');
      return openClickHouseSource({ ...configured, pace, clock });
    }
    const { openExportApi } = await import('./sources/export-api/index.ts');
    const strict = configured.recordCount === 'strict';
    return openExportApi({ ...configured, strict, pace, clock, onSlowed: opening.onSlowed(name) });
  };
}

/** Equal for two sources of one workspace: the same API and key, or the same server and workspace. */
function physicalSource(source: SourceConfig): string {
  return source.type === 'clickhouse'
    ? `${source.url}\n${source.workspace}`
    : `${source.baseUrl}\n${source.apiKey.reveal()}`;
}
