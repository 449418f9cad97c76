import { randomUUIDv7 } from 'node:crypto';
import { ExportdError } from '../../core/errors.ts';
import { clockFinding, type Finding, finding } from '../../core/finding.ts';
import type { Instant } from '../../core/words.ts';
import { BigQueryFailure, kindOf, told } from './failure.ts';
import { query } from './queries.ts';
import type { TableResource } from './resources.ts';
import { LEDGER } from './schema.ts';
import { datasetPath, getDataset, getTable, type Session } from './session.ts';

/** What a step needs: Google's name of the permission, the role to grant, and on what. */
interface Need {
  readonly permission: string;
  readonly role: string;
  readonly on: string;
}

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** See Destination.check: what a run does, done with a table of its own that is dropped again. */
export async function* check(
  open: () => Promise<Session>,
  destination: string,
  clock: () => Instant,
  signal: AbortSignal,
): AsyncGenerator<Finding> {
  let opened: Session | undefined;
  const step = (what: string, need: Need, work: (session: Session) => Promise<string | undefined>) =>
    finding(what, async () => {
      try {
        opened ??= await open();
        return await work(opened);
      } catch (error) {
        signal.throwIfAborted();
        throw denial(error, need, destination) ?? told(error, { destination, what });
      }
    });

  const reached = await step('reach the dataset', ROLES.reader, async (session) => datasetDetail(session));
  yield reached;
  if (!reached.ok || opened === undefined) return;
  const session = opened;
  const { place, dataset } = session;
  if (dataset === undefined) {
    yield await step('run a query', ROLES.job(place.billingProject), () => readClock(session, clock, signal));
    return;
  }
  if (place.stagingDataset !== place.dataset) {
    const staging = await step('reach staging_dataset', ROLES.reader, () => stagingDetail(session, signal));
    yield staging;
    if (!staging.ok) return;
  }
  for (const datasetId of new Set([place.dataset, place.stagingDataset])) {
    const editor = ROLES.editor(`${place.project}:${datasetId}`);
    const table = `_exportd_doctor_${randomUUIDv7().replaceAll('-', '_')}`;
    const made = await step(`make a table in ${datasetId}`, { ...editor, permission: 'bigquery.tables.create' }, () =>
      makeProbe(session, datasetId, table, clock() + HOUR, signal),
    );
    yield made;
    if (!made.ok) continue;
    const name = `\`${place.project}.${datasetId}.${table}\``;
    const jobs = ROLES.job(place.billingProject);
    yield await step(`write to it, and read`, { ...jobs, permission: 'bigquery.jobs.create' }, async () => {
      await query(session, 'check', { sql: probeSql(name), parameters: [] }, signal);
      return undefined;
    });
    yield await step('drop it', { ...editor, permission: 'bigquery.tables.delete' }, async () => {
      const path = `${datasetPath(place.project, datasetId)}/tables/${table}`;
      await session.service.send({ method: 'DELETE', path }, signal);
      return undefined;
    });
  }
  yield await step('read the ledger', ROLES.editor(`${place.project}:${place.dataset}`), async () => {
    const ledger = await getTable(session, LEDGER, signal);
    return ledger === undefined ? 'there is none yet: the first run makes it' : `${ledger.numRows ?? 0} rows`;
  });
  let skew: number | undefined;
  const time = await step('ask for its time', ROLES.job(place.billingProject), async () => {
    skew = await readSkew(session, clock, signal);
    return undefined;
  });
  yield skew === undefined ? time : clockFinding('BigQuery', skew);
}

const ROLES = {
  reader: { permission: 'bigquery.datasets.get', role: 'roles/bigquery.dataEditor', on: 'the dataset' },
  editor: (dataset: string): Need => ({
    permission: 'bigquery.tables.getData',
    role: 'roles/bigquery.dataEditor',
    on: `dataset ${dataset}`,
  }),
  job: (project: string): Need => ({
    permission: 'bigquery.jobs.create',
    role: 'roles/bigquery.jobUser',
    on: `project ${project}`,
  }),
};

/** Which permission is missing: as Google names it, else the one that the step needs first. */
function denial(error: unknown, need: Need, destination: string): ExportdError | undefined {
  if (!(error instanceof BigQueryFailure) || kindOf(error) !== 'denied') return undefined;
  const named = /\bbigquery\.[a-z]+\.[A-Za-z]+/.exec(error.message)?.[0];
  const permission = named ?? need.permission;
  const { role, on } = permission.startsWith('bigquery.jobs') ? { ...need, role: 'roles/bigquery.jobUser' } : need;
  return new ExportdError('ACCESS_DENIED', `destination ${destination}: ${permission} is missing on ${on}`, {
    scope: 'destination',
    hint: `Grant ${role} on ${on} to the account that exportd runs as.`,
  });
}

function datasetDetail({ place, dataset, location }: Session): string {
  if (dataset === undefined) {
    return `${place.project}:${place.dataset} is not there yet: the first run makes it in ${location} (bigquery.datasets.create, roles/bigquery.user)`;
  }
  const { defaultTableExpirationMs: tables, defaultPartitionExpirationMs: partitions } = dataset;
  const expires = tables ?? partitions;
  const kept =
    expires === undefined
      ? ''
      : `; its default expiration of ${Math.round(Number(expires) / DAY)} days is not taken over by exportd's tables`;
  return `${place.project}:${place.dataset} in ${location}${kept}`;
}

async function stagingDetail({ place, service, location }: Session, signal: AbortSignal): Promise<string> {
  const staging = await getDataset(service, place.project, place.stagingDataset, signal);
  const its = staging?.location;
  if (its === undefined) return `${place.stagingDataset} is not there yet: the first run makes it in ${location}`;
  if (its.toUpperCase() === location.toUpperCase()) return `${place.stagingDataset} in ${its}`;
  throw new ExportdError(
    'DESTINATION_UNREACHABLE',
    `destination ${place.name}: staging_dataset ${place.stagingDataset} is in ${its}, dataset ${place.dataset} in ${location}`,
    { scope: 'destination', hint: 'A script reaches one location: stage where the dataset is.' },
  );
}

async function makeProbe(
  { place, service }: Session,
  datasetId: string,
  tableId: string,
  expires: Instant,
  signal: AbortSignal,
): Promise<undefined> {
  const body: TableResource = {
    tableReference: { projectId: place.project, datasetId, tableId },
    description: 'Made by exportd doctor, and dropped again',
    schema: { fields: [{ name: 'probe', type: 'INT64' }] },
    expirationTime: String(expires),
  };
  await service.send({ method: 'POST', path: `${datasetPath(place.project, datasetId)}/tables`, body }, signal);
}

/** What a commit does. */
function probeSql(table: string): string {
  return `BEGIN TRANSACTION;
INSERT INTO ${table} (probe) VALUES (1);
UPDATE ${table} SET probe = 2 WHERE TRUE;
DELETE FROM ${table} WHERE probe = 2;
COMMIT TRANSACTION;`;
}

async function readSkew(session: Session, clock: () => Instant, signal: AbortSignal): Promise<number> {
  const sql = 'SELECT UNIX_MILLIS(CURRENT_TIMESTAMP()) AS now_ms';
  const before = clock();
  const [row] = await query(session, 'check', { sql, parameters: [] }, signal);
  // Its clock was read somewhere in between.
  return (before + clock()) / 2 - Number(row?.[0]);
}

async function readClock(session: Session, clock: () => Instant, signal: AbortSignal): Promise<undefined> {
  await readSkew(session, clock, signal);
}
