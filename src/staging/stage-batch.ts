import { randomUUIDv7 } from 'node:crypto';
import { type LandingColumn, matchingName } from '../core/columns.ts';
import { ExportdError } from '../core/errors.ts';
import type { Column, LoadId, TableColumn, TableSpec } from '../core/words.ts';
import { engineFault, type Parameters } from '../duckdb/engine.ts';
import type { Body } from '../sources/source.ts';
import { findProblem } from './find-problem.ts';
import { fingerprintOf } from './fingerprint.ts';
import { groupBodies, type LandingGroup } from './group-bodies.ts';
import { hashPads } from './hash-pads.ts';
import { type Measured, measureRows } from './measure.ts';
import { landedOrgColumn, readOrgIds } from './org-ids.ts';
import { COUNT_ROUNDED, countRounded, resetRounded } from './rounding.ts';
import type { Landing, Staged, StagedLoad } from './staged.ts';
import { typedSelect } from './typed-select.ts';

/** What a batch is staged with. */
export interface BatchTools {
  /** What fingerprints are named by. */
  readonly algorithm: string;
  readonly spec: TableSpec;
  /** Where the rows go. */
  readonly landing: Landing;
  readonly signal: AbortSignal;
}

export type StagedBatch = Pick<Staged, 'columns' | 'written' | 'loads'>;

/** Parses the bodies once into the landing, and measures each load from there. Throws only what stops them all. */
export async function stageBatch(
  tools: BatchTools,
  table: readonly TableColumn[],
  bodies: readonly Body[],
): Promise<StagedBatch> {
  const { spec, signal } = tools;
  const loadIds = newLoads(bodies);
  const grouped = await groupBodies(tools.landing.connection, spec, table, bodies);
  const problems = new Map(grouped.problems);
  let groups = grouped.groups;
  try {
    await putRows(tools, groups, loadIds);
  } catch (error) {
    if (signal.aborted || engineFault(error) !== 'other') throw error;
    // Some body broke the statement: it fails alone, the others are read again together.
    groups = await withoutProblems(tools, groups, problems);
    await putRows(tools, groups, loadIds);
  }
  const loads = await measureLoads(tools, groups, loadIds, problems);
  const columns = unionOf(groups);
  const written = new Set(presentIn(groups, columns).map(({ name }) => name));
  return { columns: columnsOf(groups), written, loads };
}

/** The same of bodies that are read together or not at all. Throws where one of them does not fit. */
export async function stageTogether(tools: BatchTools, groups: readonly LandingGroup[]): Promise<StagedLoad[]> {
  const loadIds = newLoads(groups.flatMap(({ bodies }) => bodies));
  await putRows(tools, groups, loadIds);
  return await measureLoads(tools, groups, loadIds, new Map());
}

/** As they land. */
export function columnsOf(groups: readonly LandingGroup[]): readonly Column[] {
  return unionOf(groups).map(({ name, type, description }) => ({ name, type, description }));
}

function newLoads(bodies: readonly Body[]): ReadonlyMap<Body, LoadId> {
  return new Map(bodies.map((body) => [body, randomUUIDv7()]));
}

/** The one statement that reads the bodies. */
async function putRows(
  { landing, spec }: BatchTools,
  groups: readonly LandingGroup[],
  loadIds: ReadonlyMap<Body, LoadId>,
): Promise<void> {
  await resetRounded(landing.connection);
  const columns = presentIn(groups, unionOf(groups));
  const loads = groups.flatMap(({ bodies }) => bodies.map((body) => ({ body, loadId: loadIds.get(body) ?? '' })));
  await landing.put(
    loads.map(({ body, loadId }) => ({ loadId, period: body.ask.period })),
    typedSelect(groups, loads, columns, COUNT_ROUNDED),
    hashParameters(spec, columns),
  );
}

async function measureLoads(
  { landing, algorithm }: BatchTools,
  groups: readonly LandingGroup[],
  loadIds: ReadonlyMap<Body, LoadId>,
  problems: ReadonlyMap<Body, ExportdError>,
): Promise<StagedLoad[]> {
  const { connection } = landing;
  const written = presentIn(groups, unionOf(groups));
  const orgColumn = landedOrgColumn(written);
  const measured = await measureRows(landing, written, orgColumn, algorithm);
  const orgIds = orgColumn === undefined ? await readOrgIds(connection, groups) : undefined;
  const rounded = await countRounded(connection, groups);
  const discarded = new Map(groups.flatMap((group) => group.bodies.map((body) => [body, group.discarded])));

  return [...loadIds].map(([body, loadId]): StagedLoad => {
    const { rows, fingerprint, totals, orgIds: landedIds } = measured.get(loadId) ?? nothing(algorithm);
    const workspaces = orgIds?.get(body) ?? landedIds;
    const miscount = countDiffers(body, rows);
    const problem = problems.get(body) ?? (body.strict ? miscount : undefined) ?? mixedWorkspaces(workspaces);
    return {
      ask: body.ask,
      requestedAt: body.requestedAt,
      answeredAt: body.answeredAt,
      loadId,
      rows,
      bytes: body.bytes,
      digest: body.digest,
      fingerprint,
      orgId: workspaces[0],
      totals,
      rounded: rounded.get(body) ?? 0,
      discarded: discarded.get(body) ?? [],
      remarks: miscount === undefined || problem !== undefined ? [] : [miscount.message],
      problem,
    };
  });
}

/** Looks at each body alone; notes its problem, or keeps it. One that DuckDB reads otherwise than it usually does is read alone. */
async function withoutProblems(
  { landing, signal }: BatchTools,
  groups: readonly LandingGroup[],
  problems: Map<Body, ExportdError>,
): Promise<readonly LandingGroup[]> {
  const kept: LandingGroup[] = [];
  for (const group of groups) {
    const usual: Body[] = [];
    for (const body of group.bodies) {
      const alone = { ...group, bodies: [body] };
      const { problem, reading } = await findProblem(landing.connection, alone, signal);
      if (problem !== undefined) problems.set(body, problem);
      else if (reading !== undefined) kept.push({ ...alone, reading });
      else usual.push(body);
    }
    if (usual.length > 0) kept.push({ ...group, bodies: usual });
  }
  return kept;
}

/** Every column that any group lands: the contract's in their order, then new ones as they came. */
function unionOf(groups: readonly LandingGroup[]): readonly LandingColumn[] {
  const columns = new Map<string, LandingColumn>();
  for (const column of groups.flatMap((group) => group.columns)) {
    if (!columns.has(column.name)) columns.set(column.name, column);
  }
  return [...columns.values()];
}

/** Those that some body has. The others would be nothing but nulls, and are not written. */
function presentIn(groups: readonly LandingGroup[], columns: readonly LandingColumn[]): readonly LandingColumn[] {
  const names = new Set(groups.flatMap((group) => group.names.map(matchingName)));
  return columns.filter((column) => names.has(matchingName(column.from)));
}

function hashParameters(spec: TableSpec, columns: readonly LandingColumn[]): Parameters | undefined {
  if (!columns.some((column) => column.hashed)) return undefined;
  if (spec.hashKey === undefined) {
    throw new ExportdError('CONFIG_INVALID', `table ${spec.name} hashes columns, and its job has no hash_key`, {
      scope: 'config',
      hint: 'set hash_key to a secret, e.g. ${EXPORTD_HASH_KEY}',
    });
  }
  return { ...hashPads(spec.hashKey.key) };
}

function nothing(algorithm: string): Measured {
  return { rows: 0, fingerprint: fingerprintOf(algorithm, 0, 0n), totals: {}, orgIds: [] };
}

function countDiffers(body: Body, rows: number): ExportdError | undefined {
  if (body.declaredRows === undefined || body.declaredRows === rows) return undefined;
  const [says, otherwise] =
    body.format === 'parquet'
      ? ['the server counted', '']
      : ['its recordCount says', '. If it always counts otherwise, set record_count: warn on it'];
  return new ExportdError('BODY_SHORT', `the export holds ${rows} rows, ${says} ${body.declaredRows}`, {
    scope: 'period',
    retryable: true,
    hint: `the source is asked again${otherwise}`,
  });
}

function mixedWorkspaces(orgIds: readonly string[]): ExportdError | undefined {
  if (orgIds.length < 2) return undefined;
  return new ExportdError('ORG_MIXED', `the export has rows of two workspaces: ${orgIds.join(', ')}`, {
    scope: 'period',
    hint: 'one API key exports one workspace; report it to whoever runs the source',
  });
}
