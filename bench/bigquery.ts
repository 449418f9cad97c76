import { join } from 'node:path';
import { startBigQuery } from '../test/engines/bigquery.ts';
import { writeConfig } from './config.ts';
import { CACHE, type Figures, measure, median } from './process.ts';

const DAY = '2024-04-01';
/** Of the day's 30 columns. */
const COUNTERS = 17;

/**
 * 1,000,000 rows × 30 columns into the emulator: exportd's own CPU and memory beside DuckDB alone, which writes the same
 * Parquet, and its upload. The emulator's are neither's. (The wall clock is mostly the emulator's: it says nothing.)
 */
export async function benchBigQuery(exportd: readonly string[], url: string, rounds: number): Promise<unknown> {
  await using emulator = await startBigQuery();
  const scratch = join(CACHE, 'work');
  const limit = join(import.meta.dirname, 'bigquery-limit.ts');
  const pairs: { limit: Figures; exportd: Figures }[] = [];
  for (let round = 0; round < rounds; round++) {
    const dataset = `bench_${round}`;
    await fetch(`${emulator.url}/bigquery/v2/projects/test/datasets`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ datasetReference: { projectId: 'test', datasetId: dataset } }),
    });
    const config = writeConfig({
      path: join(scratch, 'bigquery/exportd.yaml'),
      url,
      database: '',
      destination: `{ type: bigquery, project: test, dataset: ${dataset}, endpoint: "${emulator.url}" }`,
      moreCounters: COUNTERS - 10,
    });
    pairs.push({
      limit: measure([
        process.execPath,
        limit,
        url,
        emulator.url,
        dataset,
        join(scratch, 'limit.csv'),
        DAY,
        `${COUNTERS}`,
      ]),
      exportd: measure([...exportd, 'run', 'bench', '--from', DAY, '--to', DAY, '--config', config]),
    });
    const [last] = pairs.slice(-1);
    console.log(
      `bigquery ${round + 1}/${rounds}: CPU limit ${last?.limit.cpu.toFixed(2)} s, exportd ${last?.exportd.cpu.toFixed(2)} s`,
    );
  }
  const of = (side: 'limit' | 'exportd', key: keyof Figures) => round2(median(pairs.map((pair) => pair[side][key])));
  const ratio = (key: keyof Figures) => round2(median(pairs.map((pair) => pair.exportd[key] / pair.limit[key])));
  return {
    rounds,
    sides: {
      limit: { cpu: of('limit', 'cpu'), memory: Math.round(of('limit', 'memory')) },
      exportd: { cpu: of('exportd', 'cpu'), memory: Math.round(of('exportd', 'memory')) },
    },
    ratios: { 'CPU, exportd / limit': ratio('cpu'), 'memory, exportd / limit': ratio('memory') },
  };
}

function round2(value: number): number {
  return Math.round(value * 100) / 100;
}
