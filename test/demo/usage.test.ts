import { describe, expect, test } from 'vitest';
import type { UsageEvent } from '../../demo/usage/events.ts';
import { Usage, type UsageRequest } from '../../demo/usage.ts';
import { contractColumns, DATA_TYPES, GROUPINGS, reportName } from '../../src/core/contract.ts';
import type { Report } from '../../src/core/words.ts';
import { Exact, type Row } from '../engines/usage-api/rows.ts';

const DAY = 86_400_000;
const HOUR = 3_600_000;
const LAST = '2026-11-24';
const NOW = Date.parse('2026-11-28T12:00:00Z');
const ALL_REPORTS: Report[] = DATA_TYPES.flatMap((dataType) => [
  { dataType, groupBy: undefined },
  ...GROUPINGS[dataType].map((groupBy) => ({ dataType, groupBy })),
]);

const usage = new Usage({ seed: 7, last: LAST });
const span = (from: string, to: string) => ({ start: Date.parse(from), end: Date.parse(to), now: NOW });
const WEEK = span('2026-11-16', '2026-11-23');

const plain = { dataType: 'users', groupBy: undefined } as const;
const numberOf = (value: unknown) => Number(value instanceof Exact ? value.text : value);
const total = (rows: readonly Row[] | undefined, column: string) =>
  (rows ?? []).reduce((sum, row) => sum + numberOf(row[column]), 0);

describe('the usage of the demo', () => {
  test('is the same for the same seed, and another for another', () => {
    const again = new Usage({ seed: 7, last: LAST });
    expect(again.rows({ ...plain, ...WEEK })).toEqual(usage.rows({ ...plain, ...WEEK }));
    expect(new Usage({ seed: 8, last: LAST }).rows({ ...plain, ...WEEK })).not.toEqual(
      usage.rows({ ...plain, ...WEEK }),
    );
  });

  test('does not depend on what was asked before', () => {
    const monday = span('2026-11-16', '2026-11-17');
    const fresh = new Usage({ seed: 7, last: LAST }).rows({ ...plain, ...monday });
    usage.rows({ ...plain, ...WEEK });
    expect(usage.rows({ ...plain, ...monday })).toEqual(fresh);
  });

  test.each(ALL_REPORTS.map((report) => [reportName(report), report] as const))(
    'fills exactly the contract columns of %s',
    (_name, report) => {
      const every = ['period_start', 'period_end', 'org_id'];
      const expected = contractColumns(report).map(({ name }) => name);
      const rows = usage.rows({ ...report, ...WEEK });
      expect(Object.keys(rows?.[0] ?? {}).sort()).toEqual(expected.filter((name) => !every.includes(name)).sort());
    },
  );

  test.each(ALL_REPORTS.map((report) => [reportName(report), report] as const))(
    'has one row a key in %s',
    (_name, report) => {
      const keys = contractColumns(report).filter(({ kind }) => kind === 'key');
      const rows = usage.rows({ ...report, ...WEEK }) ?? [];
      expect(new Set(rows.map((row) => JSON.stringify(keys.map(({ name }) => row[name])))).size).toBe(rows.length);
    },
  );

  test('adds up over days to the week and to the month, for what adds up', () => {
    for (const [from, to] of [
      ['2026-11-16', '2026-11-23'],
      ['2026-10-01', '2026-11-01'],
    ] as const) {
      const whole = span(from, to);
      for (const column of ['messages_total', 'messages_chat', 'messages_assistants', 'messages_projects']) {
        let days = 0;
        for (let day = whole.start; day < whole.end; day += DAY) {
          days += total(usage.rows({ ...plain, start: day, end: day + DAY, now: NOW }), column);
        }
        expect(days).toBe(total(usage.rows({ ...plain, ...whole }), column));
      }
    }
  });

  test('adds up at any bounds, to the millisecond', () => {
    const { start, end } = WEEK;
    const whole = total(usage.rows({ ...plain, ...WEEK }), 'messages_total');
    const events = [...usage.events(WEEK)].filter(({ user }) => user !== undefined);
    const cut = events[Math.floor(events.length / 2)]?.at ?? start;
    const before = total(usage.rows({ ...plain, start, end: cut, now: NOW }), 'messages_total');
    const after = total(usage.rows({ ...plain, start: cut, end, now: NOW }), 'messages_total');
    expect(before + after).toBe(whole);
    expect(whole).toBe(events.length);
  });

  test('agrees between reports: messages of agents, projects, models and keys', () => {
    const rows = (report: Partial<Report> & Pick<Report, 'dataType'>) =>
      usage.rows({ groupBy: undefined, ...report, ...WEEK });
    const users = rows({ dataType: 'users' });
    expect(total(users, 'messages_assistants')).toBe(total(rows({ dataType: 'agents' }), 'messages'));
    expect(total(users, 'messages_projects')).toBe(total(rows({ dataType: 'projects' }), 'messages'));
    const requests = total(users, 'messages_total') + total(rows({ dataType: 'api-keys' }), 'requests');
    expect(total(rows({ dataType: 'models' }), 'requests')).toBe(requests);
    expect(total(rows({ dataType: 'models', groupBy: 'source' }), 'requests')).toBe(requests);
    expect(total(rows({ dataType: 'models', groupBy: 'deployment' }), 'requests')).toBe(requests);
    expect(total(rows({ dataType: 'users', groupBy: 'model' }), 'messages_total')).toBe(total(users, 'messages_total'));
  });

  test('sums costs to the last digit', () => {
    const events = [...usage.events(WEEK)];
    const { workspace } = usage;
    for (const row of usage.rows({ dataType: 'models', groupBy: undefined, ...WEEK }) ?? []) {
      const billionths = events
        .filter(({ model }) => workspace.models[model]?.name === row.name)
        .reduce((sum, { cost }) => sum + BigInt(cost), 0n);
      expect(billionthsOf(row.total_cost_usd)).toBe(billionths);
    }
  });

  test('counts each user as a naive count does', () => {
    const events = [...usage.events(WEEK)];
    const { workspace } = usage;
    const rows = usage.rows({ ...plain, ...WEEK }) ?? [];
    expect(rows.length).toBe(new Set(events.flatMap(({ user }) => user ?? [])).size);
    for (const row of rows) {
      const own = events.filter(({ user }) => user !== undefined && workspace.users[user]?.id === row.user_id);
      const named = (of: (event: UsageEvent) => string | undefined) =>
        new Map(
          [...Map.groupBy(own, of)].filter(([name]) => name !== undefined).map(([name, all]) => [name, all.length]),
        );
      const agents = named(({ agent }) => (agent === undefined ? undefined : workspace.agents[agent]?.id));
      const better = rows.filter((other) => numberOf(other.messages_total) > own.length);
      expect(row).toMatchObject({
        messages_total: own.length,
        messages_total_rank: better.length + 1,
        assistants_messaged: agents.size,
        assistants_to_messages: Object.fromEntries(agents),
        model_to_messages_total: Object.fromEntries(named(({ model }) => workspace.models[model]?.name)),
        action_messages: own.filter(({ action }) => action !== undefined).length,
      });
    }
  });

  test('knows unique users and conversations of an agent, which do not add up', () => {
    const events = [...usage.events(WEEK)];
    for (const row of usage.rows({ dataType: 'agents', groupBy: undefined, ...WEEK }) ?? []) {
      const own = events.filter(
        ({ agent }) => agent !== undefined && usage.workspace.agents[agent]?.id === row.assistant_id,
      );
      expect(row).toMatchObject({
        messages: own.length,
        unique_users: new Set(own.map(({ user }) => user)).size,
        conversations: new Set(own.map(({ conversation }) => conversation)).size,
        messages_per_user: own.length / new Set(own.map(({ user }) => user)).size,
      });
    }
  });

  test('knows nothing before its first day and after its last', () => {
    expect(usage.rows({ ...plain, ...span('2026-11-25', '2026-11-26') })).toBeUndefined();
    expect(usage.rows({ ...plain, ...span('2020-01-01', '2020-02-01') })).toBeUndefined();
  });

  test('keeps what has not arrived yet to itself', () => {
    const outage = {
      origin: 'MOBILE',
      from: Date.parse('2026-11-22T10:00:00Z'),
      to: Date.parse('2026-11-23T16:00:00Z'),
      arrivesAt: NOW,
    } as const;
    const late = new Usage({ seed: 7, last: LAST, outage });
    const day = (date: string, now: number): UsageRequest => {
      const start = Date.parse(date);
      return { dataType: 'models', groupBy: 'source', start, end: start + DAY, now };
    };
    for (const [date, isHit] of [
      ['2026-11-22', true],
      ['2026-11-23', true],
      ['2026-11-21', false],
      ['2026-11-24', false],
    ] as const) {
      const before = late.rows(day(date, NOW - 1));
      expect(late.rows(day(date, NOW)), date).toEqual(usage.rows(day(date, NOW)));
      if (isHit) expect(before, date).not.toEqual(late.rows(day(date, NOW)));
      else expect(before, date).toEqual(late.rows(day(date, NOW)));
    }
  });

  test('looks like office life: weekdays, hours, growth, late phones, night jobs', () => {
    const year = [...usage.events(span('2025-11-25', '2026-11-25'))];
    const people = year.filter(({ user }) => user !== undefined);
    const weekend = people.filter(({ at }) => [0, 6].includes(new Date(at).getUTCDay()));
    const office = people.filter(({ at }) => new Date(at).getUTCHours() >= 7 && new Date(at).getUTCHours() < 17);
    expect(year.length).toBeGreaterThan(100_000);
    expect(weekend.length / people.length).toBeLessThan(0.15);
    expect(office.length / people.length).toBeGreaterThan(0.7);
    const half = Date.parse('2026-05-25');
    expect(people.filter(({ at }) => at >= half).length).toBeGreaterThan(
      1.3 * people.filter(({ at }) => at < half).length,
    );
    expect(year.some(({ at, arrivesAt }) => arrivesAt - at > 24 * HOUR)).toBe(true);
    expect(Math.max(...people.slice(0, 50_000).map(({ at, arrivesAt }) => arrivesAt - at))).toBeLessThan(37 * HOUR);
    expect(new Set(year.map(({ at }) => new Date(at).getUTCHours())).size).toBe(24);
  });

  test('shows an agent under its new name once it was renamed, for every period', () => {
    const { renamed, id } = usage.workspace.agents.find((agent) => agent.renamed !== undefined) ?? {};
    const nameAt = (now: number) => {
      const rows = usage.rows({ dataType: 'agents', groupBy: undefined, ...span('2026-02-02', '2026-03-02'), now });
      return rows?.find((row) => row.assistant_id === id)?.assistant_name;
    };
    expect(nameAt(Date.parse('2026-03-10'))).toBe('Contract Q&A');
    expect(nameAt(NOW)).toBe(renamed?.name);
  });

  test('has users who leave, and names that break parsers', () => {
    const left = usage.workspace.users.filter(({ left }) => left !== undefined && left < LAST);
    expect(left.length).toBeGreaterThan(3);
    const ids = usage.rows({ ...plain, ...WEEK })?.map(({ user_id }) => user_id) ?? [];
    for (const { id, left: date } of left) if ((date ?? '') < '2026-11-16') expect(ids).not.toContain(id);
    const names = usage.workspace.users.map(({ name }) => name).join('|');
    expect(names).toMatch(/"/);
    expect(names).toMatch(/\n/);
    expect(names).toMatch(/👩🏽‍💻/u);
  });
});

function billionthsOf(value: unknown): bigint {
  const [whole = '', fraction = ''] = (value instanceof Exact ? value.text : '').split('.');
  return BigInt(whole + fraction.padEnd(9, '0'));
}
