import { randomUUID } from 'node:crypto';
import type { ResultsResource } from './resources.ts';
import type { Session } from './session.ts';
import type { Statement } from './sql.ts';

/** One row's values in the order of its columns, as texts. */
export type Row = readonly (string | null)[];

/** Milliseconds that BigQuery waits before it answers that a query goes on. */
const WAIT = 10_000;

/** What a query is for; a label of its job. */
export type Purpose = 'read' | 'prepare' | 'note' | 'history' | 'check';

/** All rows of a query, page by page. One job. */
export async function* queryRows(
  session: Session,
  purpose: Purpose,
  { sql, parameters }: Statement,
  signal?: AbortSignal,
): AsyncGenerator<Row> {
  const { service, place, settings, location } = session;
  const first = await service.send<ResultsResource>(
    {
      method: 'POST',
      path: `/projects/${place.billingProject}/queries`,
      body: {
        query: sql,
        useLegacySql: false,
        parameterMode: 'NAMED',
        queryParameters: parameters,
        location,
        labels: jobLabels(session, purpose),
        timeoutMs: WAIT,
        requestId: randomUUID(),
        ...(settings.maximumBytesBilled === undefined ? {} : { maximumBytesBilled: settings.maximumBytesBilled }),
      },
    },
    signal,
  );
  yield* pages(session, first, signal);
}

export async function query(
  session: Session,
  purpose: Purpose,
  statement: Statement,
  signal?: AbortSignal,
): Promise<Row[]> {
  return await all(queryRows(session, purpose, statement, signal));
}

/** The rows of a script's last statement. */
export async function jobRows(session: Session, jobId: string, signal?: AbortSignal): Promise<Row[]> {
  return await all(pages(session, await results(session, jobId, {}, signal), signal));
}

async function all(rows: AsyncIterable<Row>): Promise<Row[]> {
  const found: Row[] = [];
  for await (const row of rows) found.push(row);
  return found;
}

async function* pages(session: Session, first: ResultsResource, signal: AbortSignal | undefined): AsyncGenerator<Row> {
  let page = first;
  for (;;) {
    if (page.jobComplete) yield* (page.rows ?? []).map(({ f }) => f.map(({ v }) => v));
    const jobId = page.jobReference?.jobId;
    const token = page.pageToken;
    if (jobId === undefined || (page.jobComplete && (token === undefined || token === null || token === ''))) return;
    page = await results(session, jobId, page.jobComplete && token ? { pageToken: token } : {}, signal);
  }
}

async function results(
  { service, place, location }: Session,
  jobId: string,
  query: Readonly<Record<string, string>>,
  signal: AbortSignal | undefined,
): Promise<ResultsResource> {
  const path = `/projects/${place.billingProject}/queries/${jobId}`;
  return await service.send({ method: 'GET', path, query: { location, timeoutMs: WAIT, ...query } }, signal);
}

/** What the bill is told apart by. */
export function jobLabels({ settings }: Session, purpose: string): Readonly<Record<string, string>> {
  return { ...settings.labels, exportd: purpose };
}
