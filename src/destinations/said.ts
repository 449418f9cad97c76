/** What a warehouse answers to the one query of a run that asks everything, and what a plan makes of it. */
import type { Instant, LoadId, LocalDate, PeriodKey, SourceKey, StateOutcome } from '../core/words.ts';
import type { Orphan } from './destination.ts';
import { addNote, countFromNothing, type Draft, hasKeys, type Note } from './draft.ts';
import { holdsOf, type Identity } from './holds.ts';

/** What a row of each kind says, as JSON. */
interface Said {
  state: {
    readonly key: PeriodKey;
    readonly source: SourceKey;
    readonly org: string | null;
    readonly date: LocalDate;
    readonly start_ms: Instant;
    readonly end_ms: Instant;
    readonly outcome: StateOutcome;
    readonly closed: boolean;
    readonly settled: boolean;
    readonly row_count: number;
    readonly load: LoadId | null;
    readonly policy: string | null;
    readonly requested_ms: Instant;
    readonly detail: {
      readonly digest: string | null;
      readonly fingerprint: string | null;
      readonly totals: string | null;
    } | null;
  };
  note: Pick<Note, 'key' | 'outcome' | 'code' | 'source' | 'date'> & {
    readonly at_ms: Instant;
    readonly start_ms: Instant;
    readonly end_ms: Instant;
    readonly loaded_us: number;
    readonly load: LoadId;
  };
  identity: Identity & { readonly loaded_us: number };
  source: { readonly source: SourceKey; readonly planned_from: LocalDate | null; readonly answers: number[] | null };
  neighbour: { readonly instance: string };
  other: { readonly name: string; readonly job: string; readonly at_ms: Instant };
  present: { readonly key: PeriodKey; readonly n: number };
  /** Rows of the table, where nothing cheaper tells them. */
  rows: { readonly n: number };
  /** Of the whole ledger. */
  newest: { readonly at_ms: Instant | null };
}

type Read = {
  [Kind in keyof Said]: { readonly kind: Kind; readonly id: number; readonly said: Said[Kind] };
}[keyof Said];

/** Rows of (kind, id, said), the last as JSON. */
type SaidRow = readonly (string | null)[];

/** What a ledger says beside what is asked of its tables. */
export interface Heard {
  /** Tables that were not asked for. */
  readonly others: Orphan[];
  /** When its newest row was written, where that was said. */
  readonly newest: Instant | undefined;
}

/**
 * Fills the drafts, each by its index as id, from what a warehouse said of them in any order. `isGone`: the warehouse has
 * dropped the rows of that date by itself.
 */
export async function hear(
  rows: AsyncIterable<SaidRow> | Iterable<SaidRow>,
  drafts: readonly Draft[],
  isGone: (id: number, date: LocalDate) => boolean,
): Promise<Heard> {
  const others: Orphan[] = [];
  let newest: Instant | undefined;
  const notes: Extract<Read, { kind: 'note' }>[] = [];
  const identities: Extract<Read, { kind: 'identity' }>[] = [];
  const present: Extract<Read, { kind: 'present' }>[] = [];
  for await (const [kind, id, said] of rows) {
    const row = { kind, id: Number(id), said: JSON.parse(said ?? 'null') } as Read;
    const table = drafts[row.id];
    switch (row.kind) {
      case 'state':
        addState(table, row.said, isGone(row.id, row.said.date));
        break;
      case 'note':
        notes.push(row);
        break;
      case 'identity':
        identities.push(row);
        break;
      case 'source':
        addSource(table, row.said);
        break;
      case 'neighbour':
        table?.instances.push(row.said.instance);
        break;
      case 'present':
        present.push(row);
        break;
      case 'rows':
        if (table !== undefined) table.rows = row.said.n;
        break;
      case 'newest':
        newest = row.said.at_ms ?? undefined;
        break;
      case 'other':
        others.push({ table: row.said.name, job: row.said.job, lastLoad: row.said.at_ms });
    }
  }
  for (const table of drafts) table.instances.sort();
  for (const { id, said } of notes.sort((a, b) => byAge(a.said, b.said))) addNoteOf(drafts[id], said);
  for (const [id, rows] of Map.groupBy(identities, (row) => row.id)) {
    const newestFirst = rows.map(({ said }) => said).sort((a, b) => b.loaded_us - a.loaded_us);
    const table = drafts[id];
    if (table?.exists) table.holds = holdsOf(newestFirst);
  }
  const counted = new Set(present.map(({ id }) => id));
  for (const [id, table] of drafts.entries()) if (counted.has(id) || hasKeys(table)) countFromNothing(table);
  for (const { id, said } of present) drafts[id]?.present.set(said.key, said.n);
  return { others: others.sort((a, b) => (a.table < b.table ? -1 : 1)), newest };
}

/** `isGone`: the table has dropped the rows by itself, and nobody misses them. */
function addState(table: Draft | undefined, said: Said['state'], isGone: boolean): void {
  if (table === undefined) return;
  if (!isGone) table.ledgerRows += said.row_count;
  table.states.set(said.key, {
    source: said.source,
    orgId: said.org ?? undefined,
    periodDate: said.date,
    start: said.start_ms,
    end: said.end_ms,
    outcome: said.outcome,
    closed: said.closed,
    settled: said.settled,
    rows: said.row_count,
    rowsLoadId: said.load ?? undefined,
    policy: said.policy ?? '',
    requestedAt: said.requested_ms,
    held: undefined,
    failed: undefined,
    detail: said.detail
      ? {
          bodyDigest: said.detail.digest ?? undefined,
          fingerprint: said.detail.fingerprint ?? undefined,
          totals: JSON.parse(said.detail.totals ?? '{}') ?? {},
        }
      : undefined,
  });
}

function addNoteOf(table: Draft | undefined, said: Said['note']): void {
  if (table === undefined) return;
  const { key, outcome, code, source, date } = said;
  addNote(table, { key, outcome, code, source, date, at: said.at_ms, start: said.start_ms, end: said.end_ms });
}

function addSource(table: Draft | undefined, { source, planned_from, answers }: Said['source']): void {
  if (table === undefined) return;
  if (planned_from !== null) table.firstPlanned.set(source, planned_from);
  if (answers !== null && answers.length > 0) table.answerMs.set(source, Math.round(median(answers)));
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

function byAge(a: Said['note'], b: Said['note']): number {
  return a.loaded_us - b.loaded_us || (a.load < b.load ? -1 : 1);
}
