import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { folder } from '../cli/exportd.ts';
import { type World, world } from '../e2e/world.ts';
import { plainUsage } from '../engines/usage-api/plain-usage.ts';
import { edition, noise } from './bodies.ts';
import { outcomeOf } from './ends.ts';
import { reconfigure, spooled } from './place.ts';
import { mayMount, smallDisk } from './small-disk.ts';

const DAYS = ['--from', '2026-03-01', '--to', '2026-03-05'];
const LARGE_DAY = '2026-03-03';

/** Five days, of which one is an export of 1.2 MB. */
async function withOneLargeDay(): Promise<World> {
  const large = edition(1, 60_000);
  const w = await world({
    body: ({ from }) => (from.date.startsWith(LARGE_DAY) ? large : undefined),
    rows: plainUsage({ rows: 10 }),
  });
  // The others try again while the large one fills the disk.
  reconfigure(w, { 'max_attempts: 2, min_delay: 0.01s, max_delay: 0.02s': 'min_delay: 0.05s, max_delay: 0.2s' });
  return w;
}

async function expectAllButTheLargeDay(w: World, fullOf: RegExp): Promise<void> {
  const run = await outcomeOf(w.start('run', 'j', ...DAYS, '-o', 'json'));
  expect(run).toMatchObject({ exit: 1, outcomes: { loaded: 4, failed: 1 } });
  expect(run.errors.get(LARGE_DAY)).toMatchObject({ code: 'SPOOL_FULL', message: expect.stringMatching(fullOf) });
  expect(spooled(w)).toEqual([]);
  expect(await w.broken()).toEqual([]);
}

describe('no room in the spool (reliability 13)', () => {
  test('at spool_limit fails the period that needs more, saying how much; the others are loaded', async () => {
    await using w = await withOneLargeDay();
    reconfigure(w, { 'spool_dir: ./spool': 'spool_dir: ./spool, spool_limit: 500KB' });
    await expectAllButTheLargeDay(w, /the spool limit of 500000 bytes is reached: this file needs at least \d/);
    reconfigure(w, { 'spool_limit: 500KB': 'spool_limit: 20MB' });
    expect(await w.run('run', 'j', ...DAYS)).toMatchObject({ exit: 0, outcomes: { loaded: 1, unchanged: 4 } });
    expect(await w.broken()).toEqual([]);
  });

  test.runIf(mayMount)(
    'on the disk fails the period that needs more, saying how much; the others are loaded',
    async () => {
      await using w = await withOneLargeDay();
      using disk = smallDisk(w.place.at('spool'), 1);
      await expectAllButTheLargeDay(w, /the disk of \S+ is full: this file needs at least \d/);
      disk.grow(64);
      expect(await w.run('run', 'j', ...DAYS)).toMatchObject({ exit: 0, outcomes: { loaded: 1, unchanged: 4 } });
      expect(await w.broken()).toEqual([]);
    },
  );
});

test.runIf(mayMount)(
  'a full disk of the DuckDB file changes nothing in it, and is over when there is room again (reliability 13)',
  async () => {
    let body = edition(1, 1000);
    await using w = await world({ body: () => body });
    using elsewhere = folder();
    const config = readFileSync(w.place.at('exportd.yaml'), 'utf8').replace('./spool', elsewhere.at('spool'));
    using disk = smallDisk(w.place.at('.'), 3);
    w.place.write('exportd.yaml', config);
    const day = ['--from', LARGE_DAY, '--to', LARGE_DAY];
    const rows = 'SELECT count(*), any_value(messages_total) FROM t';
    await w.run('run', 'j', ...day);
    body = noise(2, 30_000);
    const failed = await outcomeOf(w.start('run', 'j', ...day, '-o', 'json'));
    expect(failed).toMatchObject({ exit: 1, outcomes: { failed: 1 } });
    expect(failed.errors.get(LARGE_DAY)?.code).toBe('DESTINATION_FULL');
    expect(await w.query(rows)).toEqual([['1000', '1']]);
    expect(await w.broken()).toEqual([]);
    expect(readdirSync(elsewhere.at('spool'))).toEqual([]);

    disk.grow(64);
    expect(await w.run('run', 'j', ...day)).toMatchObject({ exit: 0, outcomes: { loaded: 1 } });
    expect(await w.query(rows)).toEqual([['30000', '2']]);
    expect(await w.broken()).toEqual([]);
  },
);
