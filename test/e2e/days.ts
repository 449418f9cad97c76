/** A source that answers each day with a body of its own, so that one run meets many of them. */
import type { ExportRequest, UsageApiOptions } from '../engines/usage-api.ts';

export interface DayBody {
  /** A CSV file, or a JSON answer's `data`. */
  readonly bytes: string | Uint8Array;
  readonly recordCount: number;
}

/** The n-th day (0 is the first) of a year without trouble, as a local date. */
export function day(n: number): string {
  return new Date(Date.UTC(2026, 0, 1 + n)).toISOString().slice(0, 10);
}

/** `bodies`: by the local date of a day in Europe/Berlin. A day without one has no usage. */
export function daily(bodies: ReadonlyMap<string, DayBody>): Pick<UsageApiOptions, 'body'> {
  return { body: ({ from }: ExportRequest) => bodies.get(from.date.slice(0, 10)) };
}

/** `--from … --to …` over the first `count` days. */
export function firstDays(count: number): string[] {
  return ['--from', day(0), '--to', day(count - 1)];
}
