import { join } from 'node:path';
import { writeConfig } from './config.ts';
import { CACHE, type Figures, measure, median } from './process.ts';

const DAY = '2024-04-01';
/** Of the day's 30 columns. */
const COUNTERS = 17;

/** A warehouse's emulator, and how both sides reach a place of their own in it. */
export interface Emulated {
  readonly name: string;
  /** Makes it; returns exportd's destination as YAML and what the limit is told of it. */
  readonly place: (round: number) => Promise<{ destination: string; words: readonly string[] }>;
}

/**
 * 1,000,000 rows × 30 columns into an emulator: exportd's own CPU and memory beside `NAME-limit.ts`: DuckDB alone, which
 * writes the same Parquet, and its upload. The emulator's are neither's. (The wall clock is mostly the emulator's: it says
 * nothing.)
 */
export async function benchWarehouse(
  { name, place }: Emulated,
  exportd: readonly string[],
  url: string,
  rounds: number,
): Promise<unknown> {
  const scratch = join(CACHE, 'work');
  const limit = [process.execPath, join(import.meta.dirname, `${name}-limit.ts`), url];
  const pairs: { limit: Figures; exportd: Figures }[] = [];
  for (let round = 0; round < rounds; round++) {
    const { destination, words } = await place(round);
    const config = writeConfig({
      path: join(scratch, name, 'exportd.yaml'),
      url,
      database: '',
      destination,
      moreCounters: COUNTERS - 10,
    });
    pairs.push({
      limit: measure([...limit, ...words, join(scratch, 'limit.csv'), DAY, `${COUNTERS}`]),
      exportd: measure([...exportd, 'run', 'bench', '--from', DAY, '--to', DAY, '--config', config]),
    });
    const [last] = pairs.slice(-1);
    console.log(
      `${name} ${round + 1}/${rounds}: CPU limit ${last?.limit.cpu.toFixed(2)} s, exportd ${last?.exportd.cpu.toFixed(2)} s`,
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
