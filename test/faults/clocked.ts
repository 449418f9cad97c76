/** exportd in this process, on a clock that the test turns. */
import { openApp, type RunSummary } from '../../src/app.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { Wish } from '../../src/core/plan.ts';
import type { Instant, Plan } from '../../src/core/words.ts';
import type { World } from '../e2e/world.ts';

interface ClockedRun extends RunSummary {
  readonly plans: readonly Plan[];
}

const DUE: Wish = { kind: 'run', from: undefined, to: undefined, acceptHeld: false };

/** `exportd run j`: one plan, carried out. */
export async function runBy(clock: () => Instant, w: World): Promise<ClockedRun> {
  const config = loadConfig(w.place.at('exportd.yaml'), { env: {} });
  const stop = new AbortController().signal;
  await using app = await openApp({ config, clock, emit: () => undefined });
  const planning = await app.plan(config.jobs, DUE, clock(), stop);
  return { ...(await app.carryOut(planning, { acceptHeld: false, stop })), plans: planning.plans };
}

/** Why each period was due, by its date. */
export function reasons(run: ClockedRun): Record<string, string> {
  return Object.fromEntries(
    run.plans.flatMap(({ periods }) => periods.map(({ period, reason }) => [period.date, reason])),
  );
}
