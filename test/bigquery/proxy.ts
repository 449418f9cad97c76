/** Stands between exportd and BigQuery: sees every request, and answers it otherwise where a test says so. */

import { once } from 'node:events';
import { appendFileSync } from 'node:fs';
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http';
import { buffer } from 'node:stream/consumers';

/** One request, as far as tests ask. */
export interface Seen {
  readonly method: string;
  /** Without query: `/bigquery/v2/projects/test/jobs`. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** What it is for: `upload`, `job`, `query`, `results`, `look`, `tables`, `table`, `datasets`, `dataset`. */
  readonly kind: Kind;
  /** Of a job that it begins or asks for. */
  readonly jobId: string | undefined;
  readonly body: Body;
}

export type Kind =
  | 'upload'
  | 'job'
  | 'query'
  | 'results'
  | 'look'
  | 'tables'
  | 'table'
  | 'datasets'
  | 'dataset'
  | 'other';

interface Body {
  readonly jobReference?: { readonly jobId: string; readonly location?: string };
  readonly configuration?: { readonly query?: Query; readonly load?: object; readonly labels?: object };
  readonly query?: string;
  readonly queryParameters?: readonly object[];
  readonly location?: string;
}

interface Query {
  readonly query: string;
  readonly queryParameters?: readonly object[];
}

/**
 * cut: the request reaches BigQuery, its answer nobody. reset: it does not reach BigQuery. hold: it reaches BigQuery, and
 * the answer waits for ever. An answer: in BigQuery's place. A function: changes what BigQuery answered.
 */
export type Fault =
  | 'cut'
  | 'reset'
  | 'hold'
  | { readonly status: number; readonly reason: string; readonly message?: string }
  | ((answer: Record<string, unknown>) => unknown);

export interface FaultProxy extends AsyncDisposable {
  readonly url: string;
  /** Every request since the start, or since it was emptied. */
  readonly seen: Seen[];
  /** Decides of each request; undefined lets it through. */
  fault: (seen: Seen) => Fault | undefined | Promise<Fault | undefined>;
  count(kind: Kind): number;
}

export async function startFaultProxy(target: string): Promise<FaultProxy> {
  const seen: Seen[] = [];
  const server = createServer(async (request, response) => {
    const body = await buffer(request);
    const now = seenOf(request, body);
    seen.push(now);
    await dumpStatements(target, now);
    const fault = await proxy.fault(now);
    if (fault === 'reset') {
      request.socket.resetAndDestroy();
      return;
    }
    if (typeof fault === 'object') {
      const { status, reason, message = reason } = fault;
      const error = { code: status, message, errors: [{ reason, message, domain: 'global' }] };
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ error }));
      return;
    }
    const answer = await forward(target, request, body);
    if (fault === 'hold') return;
    if (fault === 'cut') {
      request.socket.resetAndDestroy();
      return;
    }
    const text = typeof fault === 'function' ? JSON.stringify(fault(JSON.parse(`${answer.body}`))) : answer.body;
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(text);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The machine gave no port.');
  const proxy: FaultProxy = {
    url: `http://127.0.0.1:${address.port}`,
    seen,
    fault: () => undefined,
    count: (kind) => seen.filter((each) => each.kind === kind).length,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
  return proxy;
}

function seenOf({ method = '', url = '' }: IncomingMessage, bytes: Buffer): Seen {
  const { pathname: path, searchParams: query } = new URL(url, 'http://proxy');
  const text = path.startsWith('/upload') ? firstPart(bytes) : `${bytes}`;
  const body = (text === '' ? {} : JSON.parse(text)) as Body;
  const [, , , , , section, name, , table] = path.replace(/^\/upload/, '').split('/');
  const kind = path.startsWith('/upload') ? 'upload' : kindOf(method, section, name, path, table);
  const asked = section === 'jobs' || section === 'queries' ? name : undefined;
  return { method, path, query, kind, body, jobId: body.jobReference?.jobId ?? asked };
}

function kindOf(method: string, section = '', name = '', path = '', table = ''): Kind {
  if (section === 'jobs') return method === 'POST' ? 'job' : 'look';
  if (section === 'queries') return method === 'POST' ? 'query' : 'results';
  if (section !== 'datasets') return 'other';
  if (name === '') return 'datasets';
  if (!path.includes('/tables')) return 'dataset';
  return table === '' ? 'tables' : 'table';
}

/** The JSON part of a multipart body. */
function firstPart(bytes: Buffer): string {
  const head = bytes.subarray(0, 65_536).toString('latin1');
  const begins = head.indexOf('{');
  return head.slice(begins, head.indexOf('\r\n--', begins));
}

async function forward(target: string, { method, url, headers }: IncomingMessage, body: Buffer) {
  const outgoing = httpRequest(`${target}${url}`, {
    method,
    headers: { 'content-type': headers['content-type'] ?? 'application/json', 'content-length': body.length },
  });
  outgoing.end(body);
  const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
  return { status: answer.statusCode ?? 500, body: await buffer(answer) };
}

/** `--dump-sql FILE`: one JSON object a line for every statement, with the schemas of the tables that it names. */
async function dumpStatements(target: string, { body }: Seen): Promise<void> {
  const file = process.env.EXPORTD_DUMP_SQL;
  const sql = body.query ?? body.configuration?.query?.query;
  if (file === undefined || sql === undefined) return;
  const schemas: Record<string, unknown> = {};
  for (const [, name = ''] of sql.matchAll(/`(\w[\w-]*\.\w+\.\w+)`/g)) {
    const [project, dataset, table] = name.split('.');
    const answer = await fetch(`${target}/bigquery/v2/projects/${project}/datasets/${dataset}/tables/${table}`);
    const { schema } = (await answer.json()) as { schema?: unknown };
    if (schema !== undefined) schemas[name] = schema;
  }
  const params = body.queryParameters ?? body.configuration?.query?.queryParameters ?? [];
  appendFileSync(file, `${JSON.stringify({ sql, params, schemas })}\n`);
}
