import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { DuckDBInstance } from '@duckdb/node-api';
import { expect, test } from 'vitest';
import { full } from '../faults/rounds.ts';

const DEMO = fileURLToPath(new URL('../../demo/main.ts', import.meta.url));
const FILE = fileURLToPath(new URL('../../data/usage.duckdb', import.meta.url));

async function rowsOf(sql: string): Promise<unknown[][]> {
  const instance = await DuckDBInstance.create(FILE, { access_mode: 'READ_ONLY' });
  try {
    const connection = await instance.connect();
    return (await connection.runAndReadAll(sql)).getRowsJson();
  } finally {
    instance.closeSync();
  }
}

// A year takes as long as a quarter of all other tests: with the counts of reliability.md, and as CI's own step.
if (full) {
  test.each([
    ['through the API', []],
    ['past it', ['--direct']],
  ])(
    'the demo loads a year %s, rewrites nothing, restates just the late days, and is plain in a pipe',
    {
      timeout: 120_000,
    },
    async (_how, words) => {
      const demo = spawn(process.execPath, [DEMO, ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
      const [stdout, stderr] = [text(demo.stdout), text(demo.stderr)];
      const [exit] = await once(demo, 'exit');
      expect([exit, await stderr]).toEqual([0, expect.not.stringContaining('error')]);
      const shown = await stdout;
      expect(shown).not.toContain('\u001b');
      expect(shown).toMatch(/^users_daily +36\d /m);
      expect(shown).toMatch(/^name +messages +days +usd$/m);
      expect(shown).toMatch(/^job +unchanged +rows loaded\nusers_daily +3 +0$/m);
      // The days that came through the API are those of the store itself.
      if (words.length === 0) expect(shown).toMatch(/^job +unchanged +rows loaded\nusers_daily +30 +0$/m);
      expect(shown).toMatch(/^job +loaded +unchanged +rows loaded\nusers_daily +2 +1 /m);

      const restated = `SELECT period_date, count(*)::INTEGER FROM _exportd_loads WHERE outcome = 'loaded'
      GROUP BY ALL HAVING count(*) > 1 ORDER BY 1`;
      expect(await rowsOf(restated)).toHaveLength(2);
      const partial = `SELECT _period_key FROM users_daily GROUP BY ALL HAVING count(DISTINCT _load_id) > 1`;
      expect(await rowsOf(partial)).toEqual([]);
    },
  );
}

test('Ctrl-C ends the demo with 130, and nothing goes on running', async () => {
  const demo = spawn(process.execPath, [DEMO], { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  const ended = once(demo, 'exit');
  const shown = text(demo.stdout);
  demo.stderr.setEncoding('utf8');
  for await (const piece of demo.stderr) if (piece.includes('start ')) break;
  process.kill(-Number(demo.pid), 'SIGINT');
  expect(await ended).toEqual([130, null]);
  expect(await shown).not.toContain('What next');
  // The whole group is gone: there is nobody left to be signalled.
  expect(() => process.kill(-Number(demo.pid), 0)).toThrow('ESRCH');
});
