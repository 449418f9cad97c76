import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { COLUMNS, keyOf, tableSpec } from '../contract/entries.ts';
import { type DuckDbWarehouse, duckDbWarehouse } from '../destinations/duckdb-warehouse.ts';
import { dice, full } from './rounds.ts';

const HITS = full ? 20 : 1;
const KILLS = full ? 200 : 30;
/** Several of DuckDB's row groups: these are written ahead of the commit. */
const ROWS = full ? 1_000_000 : 150_000;
const LEARN = full ? 10 : 2;
const DAY = '2026-11-23';
const signal = new AbortController().signal;

describe('a kill inside the commit (reliability 2)', { timeout: full ? 3_600_000 : 120_000 }, () => {
  let warehouse: DuckDbWarehouse;
  beforeEach(async () => {
    warehouse = await duckDbWarehouse();
  });
  afterEach(async () => {
    await warehouse[Symbol.asyncDispose]();
  });

  /** Without the counts of reliability.md each road once, on the harder way back. */
  const WAYS = [
    { road: 'by file', reopened: 'by exportd', plainFirst: false, dropLedger: false },
    { road: 'by file', reopened: 'by a plain DuckDB first', plainFirst: true, dropLedger: false },
    { road: 'at once', reopened: 'by a plain DuckDB first', plainFirst: true, dropLedger: false },
    {
      road: 'by file',
      reopened: 'by a plain DuckDB first, the ledger dropped before',
      plainFirst: true,
      dropLedger: true,
    },
  ] as const;
  const ways = full ? WAYS : WAYS.filter((way) => way.plainFirst && !way.dropLedger);
  test.each(ways)('leaves the rows of exactly one export, which came $road, reopened $reopened', async (way) => {
    const { road, plainFirst, dropLedger } = way;
    const thrown = dice();
    const commitTakes = await learnCommit(warehouse, road);
    let hits = 0;
    let kills = 0;
    let halves = 0;
    while (hits < HITS && kills < KILLS) {
      if (dropLedger) await warehouse.sql('DROP TABLE main._exportd_loads');
      const inside = await killDuringCommit(warehouse, road, thrown.throw() * commitTakes);
      kills += 1;
      if (inside) hits += 1;
      if (plainFirst) {
        await openPlainly(warehouse.path);
        if (await isHalfReplayed(warehouse)) halves += 1;
      }
      await expectWhole(warehouse, dropLedger);
    }
    const figures = `seed ${thrown.seed}: ${hits} of ${kills} kills inside a commit of ${commitTakes.toFixed(1)} ms, ${plainFirst ? halves : 'unknown'} half replayed`;
    console.log(figures);
    expect(hits, figures).toBe(HITS);
  });
});

/** `at once`: parsed inside the transaction, see Destination.replaceFrom. */
type Road = 'by file' | 'at once';

/** Milliseconds that the median of the first commits took. */
async function learnCommit(warehouse: DuckDbWarehouse, road: Road): Promise<number> {
  const child = startChild(warehouse, road);
  const took: number[] = [];
  let began = 0;
  for await (const line of linesOf(child)) {
    if (line === 'committing') began = performance.now();
    else took.push(performance.now() - began);
    if (took.length === LEARN) break;
  }
  await kill(child);
  return took.toSorted((a, b) => a - b)[Math.floor(LEARN / 2)] ?? 0;
}

/** Kills a new child so long after its first commit began; true where that had not ended. */
async function killDuringCommit(warehouse: DuckDbWarehouse, road: Road, delay: number): Promise<boolean> {
  const child = startChild(warehouse, road);
  let committed = false;
  const lines = createInterface({ input: child.stdout ?? process.stdin });
  const began = new Promise<void>((resolve) => {
    lines.on('line', (line) => {
      if (line === 'committing') resolve();
      if (line === 'committed') committed = true;
    });
  });
  await Promise.race([began, once(child, 'exit').then(() => Promise.reject(new Error('the child ended by itself')))]);
  await pause(delay);
  await kill(child);
  return !committed;
}

function startChild({ path, folder }: DuckDbWarehouse, road: Road): ChildProcess {
  const script = new URL('./02-kill-inside-commit.child.ts', import.meta.url).pathname;
  const words = [script, path, folder, String(ROWS), DAY, road];
  return spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] });
}

function linesOf(child: ChildProcess): AsyncIterable<string> {
  return createInterface({ input: child.stdout ?? process.stdin });
}

async function kill(child: ChildProcess): Promise<void> {
  const gone = once(child, 'close');
  child.kill('SIGKILL');
  await gone;
}

/** Another program opens the file, replays what the killed process left, and writes that back. */
async function openPlainly(path: string): Promise<void> {
  const program = `const { DuckDBInstance } = await import('@duckdb/node-api');
    const instance = await DuckDBInstance.create(process.argv[1]);
    instance.closeSync();`;
  await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program, path]);
}

/** Whether the engine brought back rows of a load that never committed, or lost some: what the pending table is for. */
async function isHalfReplayed(warehouse: DuckDbWarehouse): Promise<boolean> {
  const [counted] = await warehouse.sql('SELECT count(*)::INTEGER AS n FROM main.users_daily');
  return counted?.n !== ROWS;
}

async function expectWhole(warehouse: DuckDbWarehouse, ledgerDropped: boolean): Promise<void> {
  await using destination = warehouse.openWith({});
  const read = async () =>
    (await destination.read([{ name: 'users_daily', detailFrom: undefined }], signal)).tables.get('users_daily');
  const before = await read();
  await destination.prepare(tableSpec(), COLUMNS, signal);
  const after = await read();
  const loads = await warehouse.sql(
    'SELECT _load_id AS load, count(*)::INTEGER AS n, count(DISTINCT user_id)::INTEGER AS users FROM main.users_daily GROUP BY _load_id',
  );
  expect(loads).toHaveLength(1);
  expect(loads[0]).toMatchObject({ n: ROWS, users: ROWS });
  expect(before?.rows).toBe(ROWS);
  expect(after?.rows).toBe(ROWS);
  const state = after?.states.get(keyOf(DAY));
  if (state !== undefined || !ledgerDropped) expect(state?.rowsLoadId).toBe(loads[0]?.load);
  expect(await warehouse.sql('FROM main._exportd_pending')).toEqual([]);
}
