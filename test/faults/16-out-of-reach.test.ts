import { mkdirSync, symlinkSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { exportd } from '../cli/exportd.ts';
import { type World, world } from '../e2e/world.ts';
import { plainUsage } from '../engines/usage-api/plain-usage.ts';
import { outcomeOf } from './ends.ts';
import { reconfigure, spooled } from './place.ts';

const DAYS = ['--from', '2026-03-02', '--to', '2026-03-04'];

describe('a DuckDB path that cannot be opened (reliability 16)', () => {
  test.each<{ path: string; make: (w: World) => void; says: string; requests: number }>([
    {
      path: 'no DuckDB file',
      make: (w) => w.place.write('out.duckdb', 'a spreadsheet, say, that somebody put there: '.repeat(200)),
      says: 'is not a DuckDB file',
      requests: 0,
    },
    { path: 'a folder', make: (w) => mkdirSync(w.place.at('out.duckdb')), says: 'is a folder', requests: 0 },
    {
      path: 'a link to nowhere',
      make: (w) => symlinkSync(w.place.at('gone/out.duckdb'), w.place.at('out.duckdb')),
      says: 'is in a folder that is not there',
      requests: 3,
    },
  ])('that is $path ends the run with 1 and says why; nothing is hammered', async ({ make, says, requests }) => {
    await using w = await world({ rows: plainUsage({ rows: 3 }) });
    make(w);
    const { exit, stdout } = await exportd(['run', 'j', ...DAYS, '-c', w.place.at('exportd.yaml')]);
    expect(exit).toBe(1);
    expect(stdout).toContain(`error DESTINATION_UNREACHABLE: destination local: ${w.place.at('out.duckdb')} ${says}`);
    expect(w.api.requests.filter(({ kind }) => kind === 'export')).toHaveLength(requests);
  });

  test('leaves the jobs of other destinations alone', async () => {
    await using w = await world(
      { rows: plainUsage({ rows: 3 }) },
      {
        more: '  k: { source: acme, data_type: models, destination: other, table: k, timezone: UTC, window: { grain: day } }\n',
      },
    );
    reconfigure(w, { 'path: ./out.duckdb }': 'path: ./out.duckdb }\n  other: { type: duckdb, path: . }' });
    const run = await outcomeOf(w.start('run', 'j', 'k', ...DAYS, '-o', 'json'));
    expect(run).toMatchObject({ exit: 1, outcomes: { loaded: 3 } });
    expect(run.said).toContain('is a folder');
    expect(await w.broken()).toEqual([]);
    expect(spooled(w)).toEqual([]);
  });
});
