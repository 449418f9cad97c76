import { expect, test } from 'vitest';
import { contractColumns } from '../../src/core/contract.ts';
import type { ColumnType } from '../../src/core/words.ts';
import { world } from '../e2e/world.ts';
import type { RawBody } from '../engines/usage-api/options.ts';
import { outcomeOf } from './ends.ts';
import { full } from './rounds.ts';
import { watchMemory } from './watch-memory.ts';

const ROWS = full ? 1_000_000 : 20_000;
const LIMIT = 1e9;
const DAY = ['--from', '2026-03-02', '--to', '2026-03-02'];

test('a million rows of thirty columns load within 1 GB of the whole process tree (reliability 14)', {
  timeout: 300_000,
}, async () => {
  const body = everyColumn(ROWS);
  await using w = await world({ body: () => body });
  const began = performance.now();
  const run = w.start('run', 'j', ...DAY, '-o', 'json');
  using memory = watchMemory(run.process.pid ?? 0);
  expect(await outcomeOf(run)).toMatchObject({ exit: 0, outcomes: { loaded: 1 } });
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  console.log(`${ROWS} rows, ${body.bytes.length} bytes: ${seconds} s, ${(memory.peak / 1e6).toFixed(0)} MB at most`);
  expect(memory.peak).toBeGreaterThan(50e6);
  expect(memory.peak).toBeLessThan(LIMIT);
  expect(await w.query('SELECT count(*), count(DISTINCT user_id) FROM t')).toEqual([[String(ROWS), String(ROWS)]]);
  expect(await w.broken()).toEqual([]);
});

/** The thirty columns of the users report, every field filled. */
function everyColumn(rows: number): RawBody {
  const columns = contractColumns({ dataType: 'users', groupBy: undefined });
  expect(columns).toHaveLength(30);
  const chunks = [Buffer.from(`${columns.map(({ name }) => name).join(',')}\n`)];
  for (let from = 0; from < rows; from += 10_000) {
    let text = '';
    for (let n = from; n < Math.min(rows, from + 10_000); n += 1) {
      text += `${columns.map(({ name, type }, i) => (name === 'org_id' ? 'ws-1' : field(type, n, i))).join(',')}\n`;
    }
    chunks.push(Buffer.from(text));
  }
  return { bytes: Buffer.concat(chunks), recordCount: rows };
}

function field(type: ColumnType, n: number, column: number): string {
  switch (type) {
    case 'string':
      return `text ${n} of ${column}`;
    case 'date':
      return `2026-0${1 + (n % 9)}-1${n % 10}`;
    case 'map':
      return `"{""m${n % 7}"":${n},""m8"":${column}}"`;
    case 'integer':
      return String(n * (column + 1));
    default:
      return `${n}.${String((n * 7919) % 1_000_000).padStart(6, '0')}`;
  }
}
