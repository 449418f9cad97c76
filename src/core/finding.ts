import { ExportdError } from './errors.ts';

/** What `doctor` found when it did something that a run does. */
export interface Finding {
  /** What was done, as a person says it: `make and drop a table in usage`. */
  readonly what: string;
  readonly ok: boolean;
  /** What is worth knowing although it went well. */
  readonly detail?: string | undefined;
  /** Where it did not: with a hint what to do. */
  readonly error?: ExportdError | undefined;
}

/** Does one thing and says how that went. What it throws that is no ExportdError is a bug, and is thrown on. */
export async function finding(what: string, work: () => Promise<string | undefined>): Promise<Finding> {
  try {
    return { what, ok: true, detail: await work() };
  } catch (error) {
    if (!(error instanceof ExportdError)) throw error;
    return { what, ok: false, error };
  }
}

/** Milliseconds of difference between two clocks that nobody need hear of. */
const SMALL_SKEW = 2_000;
/** From here on periods close at the wrong time. */
const LARGE_SKEW = 60_000;

/**
 * How far this machine's clock is from another's. Plans go by ours: one that is off by minutes closes periods too early,
 * or too late.
 */
export function clockFinding(whose: string, skew: number): Finding {
  const what = `compare clocks with ${whose}`;
  const far = `${(Math.abs(skew) / 1000).toFixed(1)} s`;
  const side = skew > 0 ? 'ahead of' : 'behind';
  if (Math.abs(skew) < SMALL_SKEW) return { what, ok: true };
  if (Math.abs(skew) < LARGE_SKEW) return { what, ok: true, detail: `this machine is ${far} ${side} it` };
  return {
    what,
    ok: false,
    error: new ExportdError('NOT_POSSIBLE', `this machine's clock is ${far} ${side} ${whose}'s`, {
      scope: 'config',
      hint: 'Let the machine keep its time by NTP: periods close by this clock.',
    }),
  };
}
