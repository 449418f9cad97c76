import type { Instant, PeriodKey } from '../core/words.ts';
import type { RunEvent } from '../run/events.ts';
import type { Paint } from './output.ts';
import { count, counted, duration } from './phrases.ts';
import { leftInWords } from './progress-line.ts';
import { printable } from './table.ts';
import type { Tally } from './tally.ts';

interface Scene {
  /** With this event already counted. */
  readonly tally: Tally;
  readonly nameOf: (key: PeriodKey) => string;
  /** A bar shows how far the run has come; otherwise lines must. */
  readonly live: boolean;
  readonly paint: Paint;
}

/** One line about an event that a person at the terminal should know of while the run goes on; undefined: nothing worth a line. */
export function runLine(event: RunEvent, { tally, nameOf, live, paint }: Scene): string | undefined {
  switch (event.type) {
    case 'run.planned':
      return live || tally.periods === 0
        ? undefined
        : `start     ${counted(tally.periods, 'period')}, ${counted(event.requests, 'request')}, ${leftInWords(tally, event.at)}`;
    case 'job.refused':
      return `${paint('red', 'refused')}   ${event.job}  ${event.error.code}: ${printable(event.error.message)}`;
    case 'period.retrying':
      return `${paint('yellow', 'retry')}     ${event.job} ${nameOf(event.key)}  in ${duration(event.inMs)}: ${event.error.code}: ${printable(event.error.message)}`;
    case 'period.done':
      return doneLine(event, nameOf, paint);
    case 'period.remark':
      return `${paint('yellow', 'note')}      ${event.job} ${nameOf(event.key)}  ${printable(event.message)}`;
    case 'batch.committed':
      return live
        ? undefined
        : `committed ${event.table}  ${counted(event.keys, 'period')}, ${counted(event.rows, 'row')}${stillToCome(tally, event.at)}`;
    case 'batch.retrying':
      return `${paint('yellow', 'retry')}     ${event.table}  in ${duration(event.inMs)}: ${event.error.code}: ${printable(event.error.message)}`;
    case 'table.warning':
      return `${paint('yellow', 'warning')}   ${event.table}  ${printable(event.message)}`;
    case 'source.slowed':
      return `${paint('yellow', 'slowed')}    ${event.source}  asked for less; goes on in ${duration(event.until - event.at)}`;
    default:
      return undefined;
  }
}

function stillToCome(tally: Tally, now: Instant): string {
  return tally.fetched < tally.periods ? `; ${leftInWords(tally, now)}` : '';
}

function doneLine(
  { outcome, job, key, rows, was, error }: Extract<RunEvent, { type: 'period.done' }>,
  nameOf: (key: PeriodKey) => string,
  paint: Paint,
): string | undefined {
  const name = `${job} ${nameOf(key)}`;
  const why = error === undefined ? '' : `  ${error.code}: ${printable(error.message)}`;
  if (outcome === 'failed') return `${paint('red', 'failed')}    ${name}${why}`;
  if (outcome === 'held') return `${paint('yellow', 'held')}      ${name}${why}`;
  if (outcome === 'loaded' && was !== undefined && was !== rows) {
    return `restated  ${name}  ${count(was)} → ${counted(rows, 'row')}`;
  }
  return undefined;
}
