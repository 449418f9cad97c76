import { ExportdError } from '../core/errors.ts';
import type { Instant, Job, KeyState, SourceKey, TableState } from '../core/words.ts';
import type { StagedLoad } from '../staging/staged.ts';

interface Span {
  readonly start: Instant;
  readonly end: Instant;
}

/**
 * Which workspace (org_id) a table holds under which source key, and when: what `read` said and what this run
 * committed since. One workspace under two keys would count its usage twice.
 */
export class Tenants {
  readonly #byOrg = new Map<string, Map<SourceKey, Span[]>>();

  constructor(state: TableState) {
    if (!state.exists) return;
    for (const key of state.states.values())
      if (hasRows(key) && key.orgId !== undefined) this.#add(key.orgId, key.source, key);
  }

  /**
   * ORG_TWICE where the load's workspace is there under another source key for overlapping bounds, or is about to be.
   * An export without one is not checked.
   * @param beside loads that will be committed with this one
   */
  check(job: Job, load: StagedLoad, beside: readonly StagedLoad[]): ExportdError | undefined {
    if (load.orgId === undefined) return undefined;
    const { period } = load.ask;
    const isOther = (source: SourceKey): boolean => source !== period.source;
    const overlaps = (span: Span): boolean => span.start < period.end && period.start < span.end;
    const there = [...(this.#byOrg.get(load.orgId) ?? [])].find(([key, spans]) => isOther(key) && spans.some(overlaps));
    const coming = beside.find(
      ({ orgId, ask }) => orgId === load.orgId && isOther(ask.period.source) && overlaps(ask.period),
    );
    const source = there?.[0] ?? coming?.ask.period.source;
    if (source === undefined) return undefined;
    return new ExportdError(
      'ORG_TWICE',
      `table ${job.table.name} holds workspace ${load.orgId} as \`${source}\`; job ${job.name} brings it as \`${period.source}\`: usage would count twice`,
      { scope: 'period', hint: `Renamed the source? Set \`key: ${source}\` on it. Otherwise use another table.` },
    );
  }

  committed(load: StagedLoad): void {
    if (load.orgId !== undefined) this.#add(load.orgId, load.ask.period.source, load.ask.period);
  }

  #add(orgId: string, source: SourceKey, span: Span): void {
    const bySource = this.#byOrg.get(orgId) ?? new Map<SourceKey, Span[]>();
    this.#byOrg.set(orgId, bySource);
    const spans = bySource.get(source) ?? [];
    bySource.set(source, spans);
    spans.push({ start: span.start, end: span.end });
  }
}

function hasRows(key: KeyState): boolean {
  return (key.outcome === 'loaded' || key.outcome === 'unchanged') && key.rows > 0;
}
