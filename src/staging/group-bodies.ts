import { type LandingColumn, landColumns, landInTable, matchingName, quotedName } from '../core/columns.ts';
import { contractColumns, reportName } from '../core/contract.ts';
import { ExportdError } from '../core/errors.ts';
import { parsesMaps, refuseNames } from '../core/warehouses.ts';
import type { TableColumn, TableSpec } from '../core/words.ts';
import type { Connection } from '../duckdb/engine.ts';
import type { Body, Layout } from '../sources/source.ts';
import { type BodyGroup, type Reading, SHARED_FILE, USUAL_RECORD } from './body-texts.ts';
import { readCsvHeader } from './csv-header.ts';
import { parquetColumns } from './parquet-columns.ts';

/** Bodies that one statement reads, and what lands of them. */
export interface LandingGroup extends BodyGroup {
  readonly columns: readonly LandingColumn[];
  readonly discarded: readonly string[];
}

export interface Grouping {
  readonly groups: readonly LandingGroup[];
  /** Of bodies that no statement can read: no header, or one that the table cannot take. */
  readonly problems: ReadonlyMap<Body, ExportdError>;
}

/** Puts bodies of one header together, and says what lands of each. Reads no more of a body than it must for that. */
export async function groupBodies(
  connection: Connection,
  spec: TableSpec,
  table: readonly TableColumn[],
  bodies: readonly Body[],
): Promise<Grouping> {
  const problems = new Map<Body, ExportdError>();
  const groups = new Map<string, BodyGroup & { readonly bodies: Body[] }>();
  for (const body of bodies) {
    try {
      const shape = await shapeOf(connection, spec, body);
      const header = JSON.stringify(shape);
      const group = groups.get(header) ?? { ...shape, bodies: [] };
      group.bodies.push(body);
      groups.set(header, group);
    } catch (error) {
      if (!(error instanceof ExportdError)) throw error;
      problems.set(body, error);
    }
  }
  const landed: LandingGroup[] = [];
  for (const group of groups.values()) {
    try {
      const landing = landColumns(spec.report, spec.rules, spec.schema, headerOf(group));
      refuseNames(spec.warehouse, landing.columns);
      const columns = landInTable(landing.columns, table).map((column) => ({
        ...column,
        parsed: column.type === 'map' && parsesMaps(spec.warehouse),
      }));
      refuseUnlike(columns, landed);
      landed.push({ ...group, columns, discarded: landing.discarded });
    } catch (error) {
      if (!(error instanceof ExportdError)) throw error;
      for (const body of group.bodies) problems.set(body, error);
    }
  }
  return { groups: landed, problems };
}

/** The keys of JSON rows may be spelled in several ways, one a row; a CSV header has each column once, or is refused. */
function headerOf({ names, hasHeader }: BodyGroup): readonly string[] {
  if (hasHeader) return names;
  return [...new Map(names.toReversed().map((name) => [matchingName(name), name])).values()].toReversed();
}

/** How a CSV without a header must be read. */
function readingOf(layout: Layout, bytes: number): Reading {
  const { isRagged, spansLines, longestRow } = layout;
  return {
    longestRecord: longestRow < USUAL_RECORD ? undefined : longestRow,
    inOrder: spansLines && (isRagged || bytes > SHARED_FILE) ? true : undefined,
    isRagged: isRagged ? true : undefined,
  };
}

/** What bodies that one statement reads have in common. */
async function shapeOf(connection: Connection, spec: TableSpec, body: Body): Promise<Omit<BodyGroup, 'bodies'>> {
  if (body.format === 'parquet') {
    const { names, types } = await parquetColumns(connection, spec.report, body.file.path);
    return { names, types, hasHeader: true, reading: {} };
  }
  if (body.layout === undefined) return { names: await columnNames(spec, body), hasHeader: true, reading: {} };
  return { names: body.layout.columns, hasHeader: false, reading: readingOf(body.layout, body.bytes) };
}

async function columnNames(spec: TableSpec, body: Body): Promise<readonly string[]> {
  const names = await readCsvHeader(body.file.path);
  if (names === undefined) {
    throw new ExportdError('BODY_SHORT', 'the CSV is empty: not even a header arrived', {
      scope: 'period',
      retryable: true,
      hint: 'the source is asked again',
    });
  }
  const known = new Set(contractColumns(spec.report).map((column) => column.name));
  if (!names.some((name) => known.has(matchingName(name)))) {
    // Not named: without a header these are the first row's values.
    throw new ExportdError(
      'BODY_MALFORMED',
      `the first line of the CSV names no column of a ${reportName(spec.report)} export`,
      {
        scope: 'period',
        hint: 'check base_url and data_type: this is another file, or one without a header',
      },
    );
  }
  return names;
}

/** Two headers of one batch can bring one new column in two spellings, which the job's rules may tell apart. */
function refuseUnlike(columns: readonly LandingColumn[], groups: readonly LandingGroup[]): void {
  for (const column of columns) {
    const other = groups.flatMap((group) => group.columns).find((there) => there.name === column.name);
    if (other === undefined) continue;
    if (other.type !== column.type || other.reads !== column.reads || other.hashed !== column.hashed) {
      throw new ExportdError(
        'COLUMN_REFUSED',
        `the columns ${quotedName(other.from)} and ${quotedName(column.from)} of two periods would both land as ${column.name}, but the job's rules treat them differently`,
        { scope: 'period', hint: 'give both the same rules under columns.types and columns.hash, or rename one' },
      );
    }
  }
}
