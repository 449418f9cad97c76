import type { Instant, LoadId, LocalDate, PeriodKey, SourceKey, StateOutcome } from '../../core/words.ts';
import type { Orphan, Reading, TableQuery } from '../destination.ts';
import { addNote, countFromNothing, type Draft, draft, finished, hasKeys, type Note } from '../draft.ts';
import { holdsByKeys, holdsOf, type Identity } from '../holds.ts';
import type { Neighbourhood } from '../neighbourhood.ts';
import { query, queryRows } from './queries.ts';
import { keysStatement, readStatement } from './read-sql.ts';
import type { TableResource } from './resources.ts';
import { columnsOf, LEDGER } from './schema.ts';
import { getTable, type Session } from './session.ts';

/** Tables that one statement counts; BigQuery takes a thousand. */
const TABLES_AT_ONCE = 200;

/** Requests for tables at the same time. */
const GETS_AT_ONCE = 16;

/** See Destination.read: what the ledger says and what the tables hold, in one query; rows and columns from tables.get. */
export async function read(
  session: Session,
  queries: readonly TableQuery[],
  neighbours: Neighbourhood,
  now: Instant,
  signal: AbortSignal,
): Promise<Reading> {
  const [ledger, ...tables] = await getTables(session, [LEDGER, ...queries.map(({ name }) => name)], signal);
  const drafts = queries.map((asked, id) => {
    const table = tables[id];
    const made = draft(asked, table && columnsOf(table));
    made.rows = Number(table?.numRows ?? 0);
    return made;
  });
  const orphans: Orphan[] = [];
  for (let first = 0; first === 0 || first < drafts.length; first += TABLES_AT_ONCE) {
    const asked = drafts.slice(first, first + TABLES_AT_ONCE).map((table, at) => ({
      id: first + at,
      name: table.query.name,
      detailFrom: table.query.detailFrom,
      table: hasKeys(table) ? session.table(table.query.name) : undefined,
    }));
    const columns = ledger && new Set(columnsOf(ledger).map(({ name }) => name));
    const statement = readStatement(columns && { table: session.table(LEDGER), columns }, asked, neighbours);
    if (statement === undefined) continue;
    const isGone = (id: number, date: LocalDate) => isExpired(tables[id], date, now);
    orphans.push(...(await fill(session, statement, drafts, isGone, signal)));
  }
  for (const table of drafts) {
    if (table.holds === undefined && table.rows > 0 && hasKeys(table)) {
      table.holds = holdsByKeys(await keysInTable(session, table.query.name, signal));
    }
  }
  const asked = new Set(queries.map(({ name }) => name));
  const others = orphans.filter(({ table }) => !asked.has(table));
  const there = await getTables(
    session,
    others.map(({ table }) => table),
    signal,
  );
  return { tables: finished(drafts), others: others.filter((_, at) => there[at] !== undefined) };
}

export async function keysInTable(session: Session, table: string, signal?: AbortSignal): Promise<PeriodKey[]> {
  const rows = await query(session, 'read', keysStatement(session.table(table)), signal);
  return rows.map(([key]) => key ?? '');
}

async function getTables(
  session: Session,
  names: readonly string[],
  signal: AbortSignal,
): Promise<(TableResource | undefined)[]> {
  const found: (TableResource | undefined)[] = [];
  for (let first = 0; first < names.length; first += GETS_AT_ONCE) {
    const some = names.slice(first, first + GETS_AT_ONCE);
    found.push(...(await Promise.all(some.map((name) => getTable(session, name, signal)))));
  }
  return found;
}

/** Whether the partition of a date has passed the table's own partition expiration. */
function isExpired(table: TableResource | undefined, date: LocalDate, now: Instant): boolean {
  const { expirationMs, type } = table?.timePartitioning ?? {};
  if (expirationMs === undefined || expirationMs === null) return false;
  const partition = type === 'MONTH' ? `${date.slice(0, 7)}-01` : date;
  return Date.parse(partition) + Number(expirationMs) <= now;
}

/** What a row of each kind says; see read-sql.ts. */
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
}

type Read = {
  [Kind in keyof Said]: { readonly kind: Kind; readonly id: number; readonly said: Said[Kind] };
}[keyof Said];

async function fill(
  session: Session,
  statement: Parameters<typeof queryRows>[2],
  drafts: readonly Draft[],
  isGone: (id: number, date: LocalDate) => boolean,
  signal: AbortSignal,
): Promise<Orphan[]> {
  const orphans: Orphan[] = [];
  const notes: Extract<Read, { kind: 'note' }>[] = [];
  const identities: Extract<Read, { kind: 'identity' }>[] = [];
  const present: Extract<Read, { kind: 'present' }>[] = [];
  for await (const [kind, id, said] of queryRows(session, 'read', statement, signal)) {
    const row = { kind, id: Number(id), said: JSON.parse(said ?? 'null') } as Read;
    switch (row.kind) {
      case 'state':
        addState(drafts[row.id], row.said, isGone(row.id, row.said.date));
        break;
      case 'note':
        notes.push(row);
        break;
      case 'identity':
        identities.push(row);
        break;
      case 'source':
        addSource(drafts[row.id], row.said);
        break;
      case 'neighbour':
        drafts[row.id]?.instances.push(row.said.instance);
        break;
      case 'present':
        present.push(row);
        break;
      case 'other':
        orphans.push({ table: row.said.name, job: row.said.job, lastLoad: row.said.at_ms });
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
  return orphans.sort((a, b) => (a.table < b.table ? -1 : 1));
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
