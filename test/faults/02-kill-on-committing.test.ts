import { setTimeout as pause } from 'node:timers/promises';
import { DuckDBInstance } from '@duckdb/node-api';
import { describe, expect, test } from 'vitest';
import { exportd } from '../cli/exportd.ts';
import { world } from '../e2e/world.ts';
import { edition } from './bodies.ts';
import { killed } from './ends.ts';
import { dice, full } from './rounds.ts';

const KILLS = full ? 5 : 1;
/** In full: more than one of DuckDB's row groups, so that one is written ahead of the commit. */
const ROWS = full ? 150_000 : 10_000;
const DAY = ['--from', '2026-03-02', '--to', '2026-03-02'];

describe('SIGKILL on the word that a commit begins (reliability 2)', { timeout: full ? 300_000 : 60_000 }, () => {
  test.each([
    { opened: 'by exportd', plainFirst: false },
    { opened: 'by a plain DuckDB first', plainFirst: true },
  ])('leaves the old rows or the new ones, the file opened next $opened', async ({ plainFirst }) => {
    const thrown = dice();
    let body = edition(0, ROWS);
    await using w = await world({ body: () => body });
    const first = await w.start('run', 'j', ...DAY, '--log-level', 'debug').ended;
    const took = Number(/"ms":(\d+),"msg":"batch committed"/.exec(first.stderr)?.[1]);
    let inside = 0;
    for (let n = 1; n <= KILLS; n += 1) {
      body = edition(n, ROWS);
      const run = w.start('run', 'j', ...DAY, '--log-level', 'debug');
      await run.said('"event":"batch.committing"');
      await pause(thrown.throw() * took);
      await killed(run);
      const committed = (await run.ended).stderr.includes('"event":"batch.committed"');
      if (!committed) inside += 1;
      if (plainFirst) (await DuckDBInstance.create(w.place.at('out.duckdb'))).closeSync();

      const figures = `seed ${thrown.seed}, kill ${n}`;
      // Whoever only looks sees the old rows or the new ones already.
      const plan = await exportd(['plan', 'j', '-c', w.place.at('exportd.yaml')]);
      expect(plan, figures).toMatchObject({ exit: 0, stdout: expect.not.stringContaining('ROWS_DIFFER') });
      const healed = await w.run('run', 'j', ...DAY);
      expect(healed.exit, figures).toBe(0);
      if (committed) expect(healed.outcomes, figures).toEqual({ unchanged: 1 });
      expect(await w.broken(), figures).toEqual([]);
      expect(await w.query('SELECT messages_total, count(*) FROM t GROUP BY ALL'), figures).toEqual([
        [String(n), String(ROWS)],
      ]);
    }
    console.log(`seed ${thrown.seed}: ${inside} of ${KILLS} kills before a commit of ${took} ms was through`);
  });
});
