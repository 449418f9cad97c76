import { ExportdError } from './errors.ts';
import type { Verdict } from './judge.ts';
import { holds } from './table-state.ts';
import type { Job, JobSource, SourceKey, TableState } from './words.ts';

/**
 * True where the table has no state row of the source yet. Its empty periods are then kept back, uncommitted, until it
 * brings a row in this run: a wrong key or workspace answers NOT_FOUND for everything, and looks like a year without usage.
 */
export function withholdsEmpties(table: TableState, source: SourceKey): boolean {
  for (const state of table.states.values()) {
    if (state.source === source && state.outcome !== undefined && holds(table, state)) return false;
  }
  return true;
}

/**
 * What becomes of the empty periods that were kept back, at the end of a run. They are what they seem where the source
 * brought a row, and where one period is all that it was ever asked for; otherwise all are held. Periods that an earlier
 * run held for this count too, so that the next hour's single period does not prove them right; they may be the same ones.
 */
export function judgeWithheld(
  withheld: number,
  broughtRows: boolean,
  source: JobSource,
  table: TableState,
  job: Job,
  acceptHeld: boolean,
): Verdict {
  const asked = Math.max(withheld, heldBefore(table, source.key));
  if (broughtRows || acceptHeld || asked <= 1) return { outcome: 'empty' };
  return {
    outcome: 'held',
    error: new ExportdError(
      'ALL_EMPTY',
      `source ${source.name} answered NOT_FOUND for all ${asked} periods: check base_url, key and workspace`,
      {
        scope: 'period',
        hint: `where it has had no usage at all, exportd run ${job.name} --accept-held lets them through`,
      },
    ),
  };
}

function heldBefore(table: TableState, source: SourceKey): number {
  let count = 0;
  for (const state of table.states.values()) {
    if (state.source === source && state.held?.code === 'ALL_EMPTY' && holds(table, state)) count += 1;
  }
  return count;
}
