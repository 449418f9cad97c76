import type { Instant } from '../core/words.ts';

/** Who is asking, and since when another exportd's rows make it a neighbour. */
export interface Neighbourhood {
  /** `<hostname>/<8 hex digits>`: ours in the ledger. */
  readonly instance: string;
  readonly since: Instant;
}

/** Another exportd whose newest row is younger is a neighbour. Milliseconds. */
const NEIGHBOUR_AGE = 15 * 60_000;

export function neighbourhood(instance: string, now: Instant): Neighbourhood {
  return { instance, since: now - NEIGHBOUR_AGE };
}
