import { describe, expect, test } from 'vitest';
import { exportd } from '../cli/exportd.ts';
import { world } from '../e2e/world.ts';
import { plainUsage } from '../engines/usage-api/plain-usage.ts';
import { reconfigure, spooled } from './place.ts';

const WEEK = ['--from', '2026-03-02', '--to', '2026-03-08'];
const HELD = 'users by day of acme in Europe/Berlin';

describe('a job that was changed under its filled table (reliability 17)', () => {
  test.each([
    {
      changed: 'grain',
      from: '{ grain: day }',
      to: '{ grain: week }',
      brings: 'users by week of acme in Europe/Berlin',
    },
    {
      changed: 'span',
      from: '{ grain: day }',
      to: '{ grain: day, span: 7 }',
      brings: 'users by rolling 7 days of acme in Europe/Berlin',
    },
    {
      changed: 'timezone',
      from: 'timezone: Europe/Berlin',
      to: 'timezone: America/New_York',
      brings: 'users by day of acme in America/New_York',
    },
    {
      changed: 'report',
      from: 'data_type: users',
      to: 'data_type: users, group_by: model',
      brings: 'users:model by day of acme in Europe/Berlin',
    },
  ])(
    'is refused with both reports named where its $changed is another; nothing is requested',
    async ({ from, to, brings }) => {
      await using w = await world({ rows: plainUsage({ rows: 3 }) });
      await w.run('run', 'j', ...WEEK);
      const before = await w.query('SELECT * FROM t ORDER BY ALL');
      w.api.requests.length = 0;
      reconfigure(w, { [from]: to });
      for (const command of [
        ['run', 'j'],
        ['run', 'j', ...WEEK],
        ['backfill', 'j', '--all', ...WEEK],
        ['plan', 'j'],
      ]) {
        const { exit, stdout } = await exportd([...command, '-c', w.place.at('exportd.yaml')]);
        expect(exit, command.join(' ')).toBe(1);
        expect(stdout).toContain(`table t holds ${HELD}; job j brings ${brings}`);
      }
      expect(w.api.requests).toEqual([]);
      expect(spooled(w)).toEqual([]);
      expect(await w.query('SELECT * FROM t ORDER BY ALL')).toEqual(before);
    },
  );
});
