import { reportName } from '../../src/core/contract.ts';
import { periodsBetween } from '../../src/core/grid.ts';
import { planJob, type Wish } from '../../src/core/plan.ts';
import { seriesOf } from '../../src/core/wanted.ts';
import type { DataType, Grain, GroupBy, Job, KeyState, Period, Plan, StateOutcome } from '../../src/core/words.ts';
import { DAY, HOUR, someJob, someSource, someTable } from './some-job.ts';

/**
 * A golden plan is a text: a promise, what is given, a line `plan`, and the plan as it must read.
 *
 *   report | timezone | window | history | max_periods_per_run   the job; all may be left out
 *   now, wish       when, and what for: tick, start, run [FROM..TO] [--accept-held], backfill --WHICH [FROM..TO]
 *   table           exists (default), gone, or the report, grain and timezone that it holds
 *   ledger          DATES STATE, in order, later lines over earlier ones: what the ledger says of the periods of DATES
 *                   loaded | unchanged | empty | forgotten [open | closed | settled] [outdated], or none;
 *                   held CODE AT, failed CODE AT: a note on top of what was said before
 */
export function replan(golden: string): string {
  const given = golden.slice(0, golden.indexOf('\nplan\n') + 1);
  return `${given}plan\n${render(plan(fieldsOf(given)))}`;
}

interface Field {
  readonly name: string;
  readonly value: string;
}

function fieldsOf(given: string): Field[] {
  return [...given.matchAll(/^(\w+) {2,}(.+)$/gm)].map(([, name = '', value = '']) => ({ name, value }));
}

function plan(fields: readonly Field[]): Plan {
  const one = (name: string): string | undefined => fields.find((field) => field.name === name)?.value;
  const [amount, unit] = (one('history') ?? '').split(' ');
  const history =
    amount === undefined || unit === undefined ? undefined : { amount: Number(amount), unit: unitNamed(unit) };
  const source = someSource({ history });
  const job = someJob({
    sources: [source],
    timezone: one('timezone') ?? 'Europe/Berlin',
    report: reportNamed(one('report') ?? 'users'),
    window: windowOf(one('window') ?? 'day'),
    maxPeriodsPerRun: Number(one('max_periods_per_run') ?? 500),
  });
  const states = new Map<string, KeyState>();
  for (const { value } of fields.filter(({ name }) => name === 'ledger')) note(states, job, value);
  const rows = [...states.values()].reduce((sum, state) => sum + state.rows, 0);
  const first = one('first_planned');
  const table = someTable({
    exists: one('table') !== 'gone',
    rows: Number(one('rows') ?? rows),
    ledgerRows: rows,
    holds: holdsOf(one('table')),
    states,
    firstPlanned: first === undefined ? new Map() : new Map([['acme', first]]),
  });
  return planJob(job, source, Date.parse(one('now') ?? ''), table, wishOf(one('wish') ?? 'tick'));
}

function unitNamed(unit: string): 'day' | 'month' | 'year' {
  if (unit.startsWith('day')) return 'day';
  return unit.startsWith('month') ? 'month' : 'year';
}

function reportNamed(name: string): { dataType: DataType; groupBy: GroupBy | undefined } {
  const [dataType, groupBy] = name.split(':');
  return { dataType: dataType as DataType, groupBy: groupBy as GroupBy | undefined };
}

/** `day, span 30, lookback 3, delay 2h, begin 2026-01-01, include_open`. */
function windowOf(text: string) {
  const [grain = 'day', ...rest] = text.split(', ');
  const value = (name: string): string | undefined => rest.find((part) => part.startsWith(`${name} `))?.split(' ')[1];
  const lookback = value('lookback');
  return {
    grain: grain as Grain,
    span: Number(value('span') ?? 1),
    lookback: lookback === undefined ? undefined : Number(lookback),
    delay: Number.parseInt(value('delay') ?? '2h', 10) * HOUR,
    includeOpen: rest.includes('include_open'),
    begin: value('begin'),
  };
}

function wishOf(text: string): Wish {
  const [kind, ...rest] = text.split(' ');
  const [from, to] = (rest.find((word) => word.includes('..')) ?? '..').split('..').map((date) => date || undefined);
  if (kind === 'tick' || kind === 'start') return { kind };
  if (kind === 'run') return { kind, from, to, acceptHeld: rest.includes('--accept-held') };
  const which = (['missing', 'failed', 'all', 'outdated'] as const).find((word) => rest.includes(`--${word}`));
  return { kind: 'backfill', from, to, which: which ?? 'missing' };
}

/** `users by day in Europe/Berlin`. */
function holdsOf(text: string | undefined) {
  const [, report = '', grain = '', timezone = ''] = /^(\S+) by (\S+) in (\S+)$/.exec(text ?? '') ?? [];
  if (report === '') return undefined;
  return { report: reportNamed(report), grain: grain as Grain, span: 1, timezones: new Map([['acme', timezone]]) };
}

function note(states: Map<string, KeyState>, job: Job, text: string): void {
  const [dates = '', outcome = '', ...rest] = text.split(/ +/);
  const [from = '', to = from] = dates.split('..');
  for (const period of periodsBetween(seriesOf(job, someSource()), from, to)) {
    if (outcome === 'none') states.delete(period.key);
    else states.set(period.key, stateAfter(states.get(period.key), period, outcome, rest));
  }
}

function stateAfter(before: KeyState | undefined, period: Period, outcome: string, rest: readonly string[]): KeyState {
  const none: KeyState = {
    source: period.source,
    orgId: undefined,
    periodDate: period.date,
    start: period.start,
    end: period.end,
    outcome: undefined,
    closed: false,
    settled: false,
    rows: 0,
    rowsLoadId: undefined,
    policy: 'policy-1',
    requestedAt: 0,
    held: undefined,
    failed: undefined,
    detail: undefined,
  };
  if (outcome === 'held' || outcome === 'failed') {
    const [code = '', at = ''] = rest;
    const kept = before ?? none;
    const said = { at: Date.parse(at), code };
    return outcome === 'held'
      ? { ...kept, held: said, failed: kept.failed && { ...kept.failed, last: false } }
      : { ...kept, failed: { ...said, last: true } };
  }
  const isOpen = rest.includes('open');
  return {
    ...none,
    outcome: outcome as StateOutcome,
    closed: !isOpen,
    settled: !isOpen && !rest.includes('closed'),
    rows: outcome === 'loaded' || outcome === 'unchanged' ? 10 : 0,
    policy: rest.includes('outdated') ? 'policy-0' : 'policy-1',
    requestedAt: isOpen ? period.end - HOUR : period.end + DAY / 4,
  };
}

function render({ periods, upToDate, postponed, warnings, refused, forecast, job }: Plan): string {
  const lines = periods.map(({ period, reason, urgency }) =>
    `${urgency.padEnd(8)} ${reason.padEnd(12)} ${period.date}  ${period.key}`.trimEnd(),
  );
  if (refused !== undefined) lines.push(`${refused.code} ${refused.message}`, `  ${refused.hint}`);
  const minutes = Math.round(forecast.duration / 6000) / 10;
  lines.push(
    '',
    `${forecast.requests} requests of ${reportName(job.report)}, about ${minutes} min; ${upToDate} up to date, ${postponed} postponed`,
    ...warnings.filter(({ code }) => code !== 'LATE_USAGE').map(({ code, message }) => `${code} ${message}`),
  );
  return `${lines.join('\n').trim()}\n`;
}
