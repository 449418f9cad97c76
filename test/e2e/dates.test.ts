/** What a plan asks for where dates are hard, through the command line: keys, instants and requests, to the millisecond. */
import { describe, expect, test } from 'vitest';
import { exportd, type FrameChanges, folder, frame } from '../cli/exportd.ts';

interface PlannedPeriod {
  readonly period_key: string;
  readonly period_start: string;
  readonly period_end: string;
  readonly request: {
    readonly from: { readonly date: string; readonly timezone: string };
    readonly to: { readonly date: string; readonly timezone: string };
  };
}

/** The periods that a command plans, oldest first. */
async function planned(changes: FrameChanges, words: string, env = {}): Promise<readonly PlannedPeriod[]> {
  using place = folder({ 'exportd.yaml': frame(changes) });
  const { exit, stdout } = await exportd([...words.split(' '), '-c', place.at('exportd.yaml'), '-o', 'json'], env);
  expect(exit).toBe(0);
  const [{ periods } = { periods: [] }] = (JSON.parse(stdout) as { jobs: { periods: PlannedPeriod[] }[] }).jobs;
  return periods.toSorted((a, b) => (a.period_start < b.period_start ? -1 : 1));
}

const datesOf = ({ period_key }: PlannedPeriod) => period_key.replace(/^acme\/users\/|@.*$/g, '');
const zoneOf = ({ period_key }: PlannedPeriod) => period_key.split('@')[1];
const short = (instant: string) => instant.replace(/(:00)?\.000Z$/, '');
const boundsOf = ({ period_start, period_end }: PlannedPeriod) => [short(period_start), short(period_end)];
const requestOf = ({ request: { from, to } }: PlannedPeriod) =>
  `${from.date} ${from.timezone} … ${to.date} ${to.timezone}`;

const DAYS = { timezone: 'UTC', job: 'window: { grain: day }' };
const dry = (from: string, to: string, at = '') => `run j --dry-run --from ${from} --to ${to}${at && ` --at ${at}`}`;

interface Planning {
  readonly promise: string;
  readonly changes: FrameChanges;
  readonly words: string;
  readonly keys: readonly string[];
  /** Where the periods begin and end. */
  readonly boundaries: readonly string[];
  /** By number of the period: those whose wording matters. */
  readonly requests: Readonly<Record<number, string>>;
}

const PLANNINGS: readonly Planning[] = [
  {
    promise: 'a midnight that does not exist, and the day after it (case a01)',
    changes: { ...DAYS, timezone: 'Africa/Cairo' },
    words: dry('2026-04-23', '2026-04-26'),
    keys: ['2026-04-23/2026-04-24', '2026-04-24/2026-04-25', '2026-04-25/2026-04-26', '2026-04-26/2026-04-27'],
    boundaries: ['2026-04-22T22:00', '2026-04-23T22:00', '2026-04-24T21:00', '2026-04-25T21:00', '2026-04-26T21:00'],
    requests: { 1: '2026-04-24T01:00:00.000Z Africa/Cairo … 2026-04-24T23:59:59.999Z Africa/Cairo' },
  },
  {
    promise: 'a first hour that happens twice, by lookback (case a02)',
    changes: { timezone: 'Atlantic/Azores', job: 'window: { grain: day, lookback: 2 }' },
    words: 'plan j --at 2026-10-27T12:00:00Z',
    keys: ['2026-10-25/2026-10-26', '2026-10-26/2026-10-27'],
    boundaries: ['2026-10-25T00:00', '2026-10-26T01:00', '2026-10-27T01:00'],
    requests: { 0: '2026-10-25T00:00:00.000Z UTC … 2026-10-26T00:59:59.999Z UTC' },
  },
  {
    promise: 'a first hour that happens twice, by name (case a02)',
    changes: { ...DAYS, timezone: 'Atlantic/Azores' },
    words: dry('2026-10-24', '2026-10-26'),
    keys: ['2026-10-24/2026-10-25', '2026-10-25/2026-10-26', '2026-10-26/2026-10-27'],
    boundaries: ['2026-10-24T00:00', '2026-10-25T00:00', '2026-10-26T01:00', '2026-10-27T01:00'],
    requests: {},
  },
  {
    promise: 'a first hour that happens twice, in the middle of its day (case a02)',
    changes: { timezone: 'Atlantic/Azores', job: 'window: { grain: day, include_open: true }' },
    words: 'plan j --at 2026-10-25T20:00:00Z',
    keys: ['2026-10-24/2026-10-25', '2026-10-25/2026-10-26'],
    boundaries: ['2026-10-24T00:00', '2026-10-25T00:00', '2026-10-26T01:00'],
    requests: {},
  },
  {
    promise: 'a last hour that does not exist (case a04)',
    changes: { ...DAYS, timezone: 'America/Nuuk' },
    words: dry('2026-03-27', '2026-03-29'),
    keys: ['2026-03-27/2026-03-28', '2026-03-28/2026-03-29', '2026-03-29/2026-03-30'],
    boundaries: ['2026-03-27T02:00', '2026-03-28T02:00', '2026-03-29T01:00', '2026-03-30T01:00'],
    requests: { 1: '2026-03-28T00:00:00.000Z America/Nuuk … 2026-03-28T22:59:59.999Z America/Nuuk' },
  },
  {
    promise: 'thirty rolling days across a clock change are thirty dates in one request (case a08)',
    changes: { job: 'window: rolling 30 days' },
    words: 'plan j --at 2026-04-10T06:00:00Z',
    keys: ['2026-03-11/2026-04-10'],
    boundaries: ['2026-03-10T23:00', '2026-04-09T22:00'],
    requests: { 0: '2026-03-11T00:00:00.000Z Europe/Berlin … 2026-04-09T23:59:59.999Z Europe/Berlin' },
  },
  {
    promise: 'week 53 is ISO’s, from Monday to Monday (case a09)',
    changes: { job: 'window: { grain: week, lookback: 2 }' },
    words: 'plan j --at 2027-01-05T08:00:00Z',
    keys: ['2026-12-21/2026-12-28', '2026-12-28/2027-01-04'],
    boundaries: ['2026-12-20T23:00', '2026-12-27T23:00', '2027-01-03T23:00'],
    requests: {},
  },
  {
    promise: 'previous week is the newest of these alone (case a09)',
    changes: { job: 'window: previous week' },
    words: 'plan j --at 2027-01-05T08:00:00Z',
    keys: ['2026-12-28/2027-01-04'],
    boundaries: ['2026-12-27T23:00', '2027-01-03T23:00'],
    requests: {},
  },
  {
    promise: 'months counted back from the 31st of May (case a10)',
    changes: { job: 'window: { grain: month, lookback: 4 }' },
    words: 'plan j --at 2026-05-31T12:00:00Z',
    keys: ['2026-01-01/2026-02-01', '2026-02-01/2026-03-01', '2026-03-01/2026-04-01', '2026-04-01/2026-05-01'],
    boundaries: ['2025-12-31T23:00', '2026-01-31T23:00', '2026-02-28T23:00', '2026-03-31T22:00', '2026-04-30T22:00'],
    requests: {},
  },
  {
    promise: 'months counted back from the 30th of March (case a10)',
    changes: { job: 'window: { grain: month, lookback: 4 }' },
    words: 'plan j --at 2026-03-30T12:00:00Z',
    keys: ['2025-11-01/2025-12-01', '2025-12-01/2026-01-01', '2026-01-01/2026-02-01', '2026-02-01/2026-03-01'],
    boundaries: ['2025-10-31T23:00', '2025-11-30T23:00', '2025-12-31T23:00', '2026-01-31T23:00', '2026-02-28T23:00'],
    requests: {},
  },
  {
    promise: 'a month whose first hour is missing (case a18)',
    changes: { timezone: 'America/Asuncion', job: 'window: { grain: month }' },
    words: dry('2023-09-01', '2023-12-31', '2024-01-05T12:00:00Z'),
    keys: ['2023-09-01/2023-10-01', '2023-10-01/2023-11-01', '2023-11-01/2023-12-01', '2023-12-01/2024-01-01'],
    boundaries: ['2023-09-01T04:00', '2023-10-01T04:00', '2023-11-01T03:00', '2023-12-01T03:00', '2024-01-01T03:00'],
    requests: {},
  },
  {
    promise: 'an offset with seconds (case a19)',
    changes: { ...DAYS, timezone: 'Africa/Monrovia' },
    words: dry('1972-01-06', '1972-01-08', '1972-02-01T00:00:00Z'),
    keys: ['1972-01-06/1972-01-07', '1972-01-07/1972-01-08', '1972-01-08/1972-01-09'],
    boundaries: ['1972-01-06T00:44:30', '1972-01-07T00:44:30', '1972-01-08T00:00', '1972-01-09T00:00'],
    requests: {},
  },
];

describe('keys, instants and requests of', () => {
  test.each(PLANNINGS.map((planning) => [planning.promise, planning] as const))(
    '%s',
    async (_promise, { changes, words, keys, boundaries, requests }) => {
      const periods = await planned(changes, words, { LANG: 'en_US.UTF-8' });
      expect(periods.map(datesOf)).toEqual(keys);
      expect(new Set(periods.map(zoneOf))).toEqual(new Set([changes.timezone ?? 'Europe/Berlin']));
      expect(periods.map(boundsOf)).toEqual(keys.map((_, n) => boundaries.slice(n, n + 2)));
      const asked = periods.map(requestOf);
      expect(Object.fromEntries(Object.keys(requests).map((n) => [n, asked[Number(n)]]))).toEqual(requests);
    },
  );
});

describe('whatever the version of the tz database (case a07)', () => {
  const day = (first: string, n: number) => new Date(Date.parse(first) + n * 86_400_000).toISOString().slice(0, 10);

  test.each([
    ['Africa/Casablanca', '2026-09-19'],
    ['America/Edmonton', '2026-10-31'],
    ['America/Vancouver', '2026-10-31'],
  ])('keys and requests are the same in %s around %s', async (timezone, first) => {
    const periods = await planned({ ...DAYS, timezone }, dry(first, day(first, 3)));
    const days = [0, 1, 2, 3].map((n) => day(first, n));
    expect(periods.map(datesOf)).toEqual(days.map((date) => `${date}/${day(date, 1)}`));
    expect(periods.map(requestOf)).toEqual(
      days.map((date) => `${date}T00:00:00.000Z ${timezone} … ${date}T23:59:59.999Z ${timezone}`),
    );
  });

  test('so are keys in America/Havana, where a midnight may come twice', async () => {
    const periods = await planned({ ...DAYS, timezone: 'America/Havana' }, dry('2026-10-31', '2026-11-02'));
    expect(periods.map(datesOf)).toEqual(['2026-10-31/2026-11-01', '2026-11-01/2026-11-02', '2026-11-02/2026-11-03']);
  });
});

test('day of month and day of week together: either is enough, as in crontab(5) (case a15)', async () => {
  const changes = { timezone: 'UTC', job: 'window: { grain: day }, schedule: "0 6 1 * 1"' };
  using place = folder({ 'exportd.yaml': frame(changes) });
  const before = Date.now();
  const { stdout } = await exportd(['status', 'j', '-c', place.at('exportd.yaml'), '-o', 'json']);
  const ticks: readonly string[] = JSON.parse(stdout).jobs[0].next_ticks;
  const expected: string[] = [];
  for (let at = Math.floor(before / 86_400_000) * 86_400_000 + 6 * 3_600_000; expected.length < 5; at += 86_400_000) {
    const day = new Date(at);
    if (at > before && (day.getUTCDate() === 1 || day.getUTCDay() === 1)) expected.push(day.toISOString());
  }
  expect(ticks.map((tick) => new Date(tick).toISOString())).toEqual(expected);
});

describe('one zone, several spellings (case a17)', () => {
  test.each(['europe/berlin', 'Europe/Kiev', 'Europe/Berln', 'local', 'system', '""', 'UTC+2', 'GMT+2', 'PST'])(
    '%s is refused by validate and by run, at its place',
    async (timezone) => {
      using place = folder({ 'exportd.yaml': frame({ timezone }) });
      for (const command of [['validate'], ['run', 'j', '--from', '2026-07-01', '--to', '2026-07-01']]) {
        const { exit, stderr } = await exportd([...command, '-c', place.at('exportd.yaml')]);
        expect(exit).toBe(2);
        expect(stderr).toMatch(/exportd\.yaml:8:\d+: timezone: /);
      }
    },
  );
});
