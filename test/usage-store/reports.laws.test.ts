import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DATA_TYPES, GROUPINGS, reportName } from '../../src/core/contract.ts';
import { addDays } from '../../src/core/dates.ts';
import { periodsBetween } from '../../src/core/grid.ts';
import { firstInstant } from '../../src/core/local-time.ts';
import { readRequest, requestBounds } from '../../src/core/request.ts';
import type { DataType, Report } from '../../src/core/words.ts';
import { reportColumns, reportQuery } from '../../src/usage-store/index.ts';
import { initStore } from '../../src/usage-store/migrations.ts';
import { readWorkspace } from '../../src/usage-store/workspace.ts';
import { type ClickHouseServer, startClickHouse } from '../engines/clickhouse.ts';
import { full } from '../faults/rounds.ts';
import { storeClient } from './client.ts';
import { type Reckoned, reckon } from './reckoned.ts';
import { someUsage, store } from './some-usage.ts';

const REPORTS: readonly Report[] = DATA_TYPES.flatMap((dataType) =>
  [undefined, ...GROUPINGS[dataType]].map((groupBy) => ({ dataType, groupBy })),
);

/** Days on which clocks change, and one on which they do not. Havana and Santiago change theirs at midnight. */
const DAYS = [
  ['Europe/Berlin', '2026-03-29'],
  ['Europe/Berlin', '2026-10-25'],
  ['America/New_York', '2026-11-01'],
  ['America/Havana', '2026-03-08'],
  ['America/Santiago', '2026-09-06'],
  ['Australia/Lord_Howe', '2026-04-05'],
  ['UTC', '2026-06-15'],
] as const;

describe('a report', () => {
  let server: ClickHouseServer;
  beforeAll(async () => {
    server = await startClickHouse();
    await initStore(storeClient(server));
  });
  afterAll(async () => await server[Symbol.asyncDispose]());

  /** Microseconds just outside, at and just inside both bounds, and in the middle. */
  const around = (start: number, end: number): bigint[] => {
    const [first, after] = [BigInt(start) * 1000n, BigInt(end) * 1000n];
    return [
      first - 1n,
      first,
      first + 1n,
      (first + after) / 2n,
      after - 1001n,
      after - 1000n,
      after - 1n,
      after,
      after + 1n,
    ];
  };

  test('says of random usage what plain TypeScript reckons: every grouping, privacy, BYOK, and every microsecond at the bounds', async () => {
    const days = fc.constantFrom(...DAYS);
    const settings = fc.record({ userLevelData: fc.boolean(), leaderboards: fc.boolean(), byok: fc.boolean() });
    const chosen = days.chain(([timezone, date]) => {
      const [start, end] = [firstInstant(date, timezone), firstInstant(addDays(date, 1), timezone)];
      return fc.record({
        timezone: fc.constant(timezone),
        date: fc.constant(date),
        start: fc.constant(start),
        end: fc.constant(end),
        usage: someUsage(around(start, end)),
      });
    });
    await fc.assert(
      fc.asyncProperty(chosen, settings, async ({ timezone, date, start, end, usage }, chosenSettings) => {
        const org = randomUUID();
        await store(server, { org, ...chosenSettings }, usage);
        const workspace = await readWorkspace(storeClient(server), org);
        expect(workspace).toEqual(chosenSettings);
        const reports = REPORTS.filter(({ groupBy }) => groupBy !== 'deployment' || workspace.byok);
        const check = async (report: Report) => {
          const grid = { grain: 'day', span: 1, timezone } as const;
          const [period] = periodsBetween({ source: 'store', report, grid }, date, date);
          if (period === undefined) throw new Error(`${date} is no day of ${timezone}`);
          const read = readRequest(requestBounds(period));
          expect(read).toEqual({ start, end });
          const bounds = { from: read.start, to: read.end - 1 };
          const { sql, parameters } = reportQuery({ report, ...bounds, workspace: org, settings: workspace });
          const columns = reportColumns(report, workspace).map(({ name }) => name);
          const counted = ({ at }: { at: bigint }) => at >= BigInt(start) * 1000n && at < BigInt(end) * 1000n;
          const always = { period_start: iso(start), period_end: iso(end - 1), org_id: org };
          const right = reckon(report, usage, counted)
            .sort(byKeys(report))
            .map((row) => pick({ ...always, ...row }, columns));
          const rows = await storeClient(server).rows<Reckoned>(asText(sql, columns), parameters);
          expect(rows.map(fromText).map(asLine), reportName(report)).toEqual(right.map(asLine));
        };
        await Promise.all(reports.map(check));
      }),
      { numRuns: full ? 200 : 6 },
    );
  });
});

const iso = (at: number) => new Date(at).toISOString().slice(0, 10);

/** Every value as text beside its type: JSON's numbers would round decimals. */
function asText(sql: string, columns: readonly string[]): string {
  return `SELECT ${columns.map((name) => `tuple(toTypeName(\`${name}\`), toString(\`${name}\`)) AS \`${name}\``).join(', ')} FROM (${sql})`;
}

function fromText(row: Reckoned): Reckoned {
  return Object.fromEntries(Object.entries(row).map(([name, cell]) => [name, cellValue(name, cell)]));
}

function cellValue(name: string, cell: unknown): unknown {
  const [type, text] = Array.isArray(cell) ? (cell as [string, string | null]) : Object.values(cell as object);
  if (text === null) return null;
  if (/_to_messages/.test(name)) return JSON.parse(text);
  if (/Decimal/.test(type)) return `${text.split('.')[0]}.${(text.split('.')[1] ?? '').padEnd(9, '0')}`;
  if (/^(Nullable\()?(Int64|Float64)/.test(type)) return Number(text);
  return /Bool/.test(type) ? text === 'true' : text;
}

function pick(row: Reckoned, columns: readonly string[]): Reckoned {
  return Object.fromEntries(columns.map((name) => [name, row[name]]));
}

const ENTITY: Readonly<Record<DataType, readonly string[]>> = {
  users: ['user_id'],
  agents: ['assistant_id'],
  'api-keys': ['api_key_id'],
  projects: ['project_id'],
  models: ['name', 'provider', 'bring_your_keys'],
};

/** Rows come in the order of what they are about, then of the grouping; nothing comes last. */
function byKeys({ dataType, groupBy }: Report): (a: Reckoned, b: Reckoned) => number {
  const keys = [...ENTITY[dataType], ...(groupBy === undefined ? [] : [groupBy])];
  const text = (row: Reckoned, key: string) => (row[key] === null ? '\uffff' : String(row[key]));
  return (a, b) => {
    const key = keys.find((key) => a[key] !== b[key]);
    return key === undefined ? 0 : text(a, key) < text(b, key) ? -1 : 1;
  };
}

function asLine(row: Reckoned): string {
  return JSON.stringify(ordered(row));
}

/** Maps compare by what they hold: JavaScript and ClickHouse order their names alike, but for numbers as names. */
function ordered(value: unknown): unknown {
  if (value === null || typeof value !== 'object') return value;
  return Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, inner]) => [name, ordered(inner)]);
}
