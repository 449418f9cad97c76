/**
 * `npm run bench`: exportd beside the limit of the machine and beside dlt, in turn, as whole processes in one run.
 * Writes bench/results.json, which the README quotes. `--smoke`: one small round, writes nothing. `--only S,L`: some.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { benchBigQuery } from './bigquery.ts';
import { writeConfig, writeManyJobs } from './config.ts';
import { LEDGER_NOW, writeFullLedger } from './full-ledger.ts';
import { CACHE, type Figures, installPeers, measure, median, PYTHON, remove, startMockServer } from './process.ts';
import { benchServe } from './serve.ts';
import { benchSnowflake } from './snowflake.ts';
import { benchStore } from './store.ts';

const { values } = parseArgs({
  options: { smoke: { type: 'boolean', default: false }, only: { type: 'string' }, rounds: { type: 'string' } },
});
const only = values.only?.split(',');
const wants = (name: string) => (values.smoke ? name === 'smoke' : (only?.includes(name) ?? name !== 'smoke'));
const root = join(import.meta.dirname, '..');
const scratch = join(CACHE, 'work');
const exportd = [process.execPath, join(root, 'dist/main.js')];

interface Workload {
  readonly name: string;
  readonly from: string;
  readonly to: string;
  readonly rounds: number;
  /** Whether dlt runs it too. */
  readonly dlt: boolean;
  readonly json: boolean;
}

const WORKLOADS: readonly Workload[] = [
  { name: 'S', from: '2024-01-01', to: '2024-01-30', rounds: 7, dlt: true, json: false },
  { name: 'L', from: '2024-03-01', to: '2024-03-01', rounds: 5, dlt: true, json: true },
  { name: 'Y', from: '2023-01-01', to: '2023-12-31', rounds: 3, dlt: false, json: false },
];
const SMOKE: Workload = { name: 'smoke', from: '2024-01-01', to: '2024-01-05', rounds: 1, dlt: false, json: false };

type Side = 'limit' | 'exportd' | 'again' | 'json' | 'all columns' | 'dlt';
const results: Record<string, unknown> = {};

mkdirSync(scratch, { recursive: true });
installPeers();
execFileSync(process.execPath, [join(root, 'scripts/build.ts')], { stdio: 'inherit' });
{
  await using server = await startMockServer();
  for (const workload of [...WORKLOADS, SMOKE])
    if (wants(workload.name)) results[workload.name] = await compare(workload, server.url);
  if (wants('wide')) results.wide = wide(server.url);
  if (wants('pace')) results.pace = pace(server.url);
  if (wants('snowflake')) results.snowflake = await benchSnowflake(exportd, server.url, Number(values.rounds ?? 3));
  if (wants('bigquery')) results.bigquery = await benchBigQuery(exportd, server.url, Number(values.rounds ?? 3));
}
if (wants('store')) {
  results.store = await benchStore(exportd, { days: 365, users: 38_000, wideRows: 1_000_000, rounds: 5 });
}
if (values.smoke) results.store = await benchStore(exportd, { days: 3, users: 100, wideRows: 1_000, rounds: 1 });
if (wants('serve')) results.serve = await benchServe({ rows: 1_000_000, rounds: 3, manyRows: 10_000, small: 60 });
if (values.smoke) results.serve = await benchServe({ rows: 10_000, rounds: 1, manyRows: 100, small: 5 });
if (wants('start')) results.start = await start();
if (!values.smoke) save();

/** Each side in turn, round by round; ratios are medians of the rounds' own pairs. */
async function compare(workload: Workload, url: string): Promise<unknown> {
  const { name, from, to } = workload;
  const files = {
    limit: join(scratch, 'limit.duckdb'),
    exportd: join(scratch, 'exportd.duckdb'),
    dlt: join(scratch, 'dlt.duckdb'),
  };
  const csv = writeConfig({ path: join(scratch, 'csv/exportd.yaml'), url, database: files.exportd });
  const json = writeConfig({ path: join(scratch, 'json/exportd.yaml'), url, database: files.exportd, format: 'json' });
  const all = writeConfig({ path: join(scratch, 'all/exportd.yaml'), url, database: files.exportd, allColumns: true });
  const limit = () =>
    measure([PYTHON, join(root, 'bench/limit.py'), url, files.limit, join(scratch, 'limit.csv'), from, to]);
  const run = (config: string) => measure([...exportd, 'run', 'bench', '--from', from, '--to', to, '--config', config]);
  const rounds: Partial<Record<Side, Figures>>[] = [];
  const count = values.rounds === undefined ? workload.rounds : Number(values.rounds);
  limit();
  for (let round = 0; round < count; round++) {
    const figures: Partial<Record<Side, Figures>> = {};
    remove(files.limit, files.exportd, files.dlt, join(scratch, 'dlt'));
    figures.limit = limit();
    figures.exportd = run(csv);
    figures.again = run(csv);
    if (workload.json) {
      remove(files.exportd);
      figures.json = run(json);
      remove(files.exportd);
      figures['all columns'] = run(all);
    }
    if (workload.dlt) {
      const dlt = [PYTHON, join(root, 'bench/dlt_arrow.py'), url, files.dlt, join(scratch, 'dlt'), from, to];
      figures.dlt = measure(dlt);
    }
    rounds.push(figures);
    console.log(
      `${name} ${round + 1}/${count}: ${Object.entries(figures)
        .map(([side, f]) => `${side} ${f.wall.toFixed(2)} s`)
        .join(', ')}`,
    );
  }
  const ratio = (side: Side, of: Side) =>
    round2(median(rounds.map((figures) => (figures[side]?.wall ?? Number.NaN) / (figures[of]?.wall ?? Number.NaN))));
  const sides = Object.fromEntries(
    (['limit', 'exportd', 'again', 'json', 'all columns', 'dlt'] as const)
      .filter((side) => rounds[0]?.[side] !== undefined)
      .map((side) => [side, medians(rounds.flatMap((figures) => figures[side] ?? []))]),
  );
  return {
    rounds: count,
    sides,
    ratios: {
      'exportd / limit': ratio('exportd', 'limit'),
      'same bytes again / limit': ratio('again', 'limit'),
      ...(workload.json
        ? {
            'from JSON / limit': ratio('json', 'limit'),
            'every column of the contract / limit': ratio('all columns', 'limit'),
          }
        : {}),
      ...(workload.dlt ? { 'exportd / dlt on Arrow': ratio('exportd', 'dlt') } : {}),
    },
  };
}

/** 1,000,000 rows × 30 columns: the peak memory of the process. */
function wide(url: string): unknown {
  const database = join(scratch, 'wide.duckdb');
  const config = writeConfig({
    path: join(scratch, 'wide/exportd.yaml'),
    url,
    database,
    moreCounters: 7,
    allColumns: true,
  });
  remove(database);
  return rounded(
    measure([...exportd, 'run', 'bench', '--from', '2024-04-01', '--to', '2024-04-01', '--config', config]),
  );
}

/** 1,200 small periods at 600 a minute: history leaves a fifth of the rate free, so 480 + 480 + 240 take two minutes. */
function pace(url: string): unknown {
  const database = join(scratch, 'pace.duckdb');
  const config = writeConfig({ path: join(scratch, 'pace/exportd.yaml'), url, database, rate: '600/min' });
  remove(database);
  const dates = ['--from', '2019-01-01', '--to', '2022-04-14'];
  return { periods: 1200, ...rounded(measure([...exportd, 'backfill', 'bench', ...dates, '--config', config])) };
}

/** What it costs before the first request: CPU seconds, medians of three. */
async function start(): Promise<unknown> {
  const database = join(scratch, 'ledger.duckdb');
  const config = writeManyJobs(join(scratch, 'many/exportd.yaml'), 1000, database);
  const thrice = (...command: string[]) => medians([1, 2, 3].map(() => measure([...exportd, ...command])));
  const help = thrice('--help');
  const validate = thrice('validate', '--config', config);
  const plan = ['plan', '--at', LEDGER_NOW, '--config', config];
  await writeFullLedger(database, 1000, 365_000);
  const plan365k = thrice(...plan);
  await writeFullLedger(database, 1000, 10_000_000);
  const plan10m = thrice(...plan);
  remove(database);
  return {
    help,
    'validate, 1,000 jobs': validate,
    'plan, 1,000 jobs × 365 days': plan365k,
    'plan, ledger of 10,000,000 rows': plan10m,
  };
}

function medians(all: readonly Figures[]): Figures {
  const of = (key: keyof Figures) => median(all.map((figures) => figures[key]));
  return rounded({ wall: of('wall'), cpu: of('cpu'), memory: of('memory') });
}

function rounded({ wall, cpu, memory }: Figures): Figures {
  return { wall: round2(wall), cpu: round2(cpu), memory: Math.round(memory) };
}

function round2(value: number): number {
  return Math.round(value * 100) / 100;
}

/** Runs of some workloads keep the figures of the others. */
function save(): void {
  const path = join(root, 'bench/results.json');
  let before: Record<string, unknown> = {};
  try {
    before = (JSON.parse(readFileSync(path, 'utf8')) as { results: Record<string, unknown> }).results;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const machine = {
    cpu: cpus()[0]?.model,
    cores: cpus().length,
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    node: process.version,
  };
  const document = { machine, results: { ...before, ...results } };
  writeFileSync(path, `${JSON.stringify(document, null, 2)}\n`);
  console.log(JSON.stringify(document, null, 2));
}
