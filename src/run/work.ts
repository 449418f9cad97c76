import { stateOf } from '../core/table-state.ts';
import type { Job, JobSource, KeyState, Plan, PlannedPeriod, TableState } from '../core/words.ts';
import type { Ask } from '../sources/source.ts';

/** One period that this run carries out. */
export interface Work {
  readonly ask: Ask;
  readonly planned: PlannedPeriod;
  readonly job: Job;
  readonly source: JobSource;
  /** Other jobs of this run that plan the same key of the same table: asked for once, told to all. */
  readonly alsoFor: Job[];
  readonly state: KeyState | undefined;
  /** Attempts made so far to fetch it. */
  attempts: number;
}

/** All that a run does to one table. */
export interface TableWork {
  readonly destination: string;
  readonly table: Job['table'];
  readonly state: TableState;
  readonly works: Work[];
}

/**
 * The plans of a run, table by table: in the plans' order, what people wait for first, each key once.
 * @param states by job name
 * @param physical equal for two destinations that are physically one
 */
export function workOf(
  plans: readonly Plan[],
  states: ReadonlyMap<string, TableState>,
  physical: (destination: string) => string,
): TableWork[] {
  const tables = new Map<string, TableWork & { byKey: Map<string, Work> }>();
  for (const urgency of ['awaited', 'history'] as const) {
    for (const plan of plans) {
      const state = states.get(plan.job.name);
      if (plan.refused !== undefined || state === undefined) continue;
      const id = `${physical(plan.job.destination)}\n${plan.job.table.name}`;
      let table = tables.get(id);
      if (table === undefined) {
        table = { destination: plan.job.destination, table: plan.job.table, state, works: [], byKey: new Map() };
        tables.set(id, table);
      }
      for (const planned of plan.periods) {
        if (planned.urgency !== urgency) continue;
        const { period } = planned;
        const twin = table.byKey.get(period.key);
        if (twin !== undefined) {
          twin.alsoFor.push(plan.job);
          continue;
        }
        const work: Work = {
          ask: { report: period.report, period, urgency },
          planned,
          job: plan.job,
          source: plan.source,
          alsoFor: [],
          state: stateOf(state, period.key),
          attempts: 0,
        };
        table.byKey.set(period.key, work);
        table.works.push(work);
      }
    }
  }
  return [...tables.values()];
}
