/** Stands between exportd and Snowflake: sees every statement, and answers it otherwise where a test says so. */
import { once } from 'node:events';
import { appendFileSync } from 'node:fs';
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';

/** One request, as far as tests ask. */
export interface Seen {
  /** What it is for; a statement by its first word, and the block that a commit is as BLOCK. */
  readonly kind: Kind;
  /** Empty where it is no statement. */
  readonly sql: string;
  /** The tag that Snowflake's history shows of it. */
  readonly tag: string;
}

export type Kind =
  | 'login'
  | 'logout'
  | 'status'
  | 'result'
  | 'cancel'
  | 'ALTER'
  | 'BLOCK'
  | 'CREATE'
  | 'COPY'
  | 'DROP'
  | 'INSERT'
  | 'LIST'
  | 'PUT'
  | 'REMOVE'
  | 'SELECT'
  | 'WITH'
  | 'other';

/**
 * cut: the request reaches Snowflake, its answer nobody. reset: it does not reach Snowflake. hold: it reaches Snowflake,
 * and the answer waits for ever. silent: it does not reach Snowflake, and waits for ever. in progress: it reaches Snowflake,
 * which says that it takes longer. Else: an answer in its place.
 */
export type Fault =
  | 'cut'
  | 'reset'
  | 'hold'
  | 'silent'
  | 'in progress'
  | { readonly status: number }
  | { readonly code: string; readonly message: string };

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
    dump(now);
    const fault = await proxy.fault(now);
    if (fault === 'silent') return;
    if (fault === 'reset') {
      request.socket.resetAndDestroy();
      return;
    }
    if (typeof fault === 'object') {
      if ('status' in fault) {
        response.writeHead(fault.status, { 'content-type': 'text/plain' }).end('no');
        return;
      }
      const data = { errorCode: fault.code, sqlState: '57014', queryId: '01b2c3d4-0000-0000-0000-000000000001' };
      const answer = { data, code: fault.code, message: fault.message, success: false };
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
      return;
    }
    const answer = await forward(target, request, body);
    if (fault === 'hold') return;
    if (fault === 'in progress') {
      const { queryId } = (JSON.parse(`${answer.body}`) as { data: { queryId: string } }).data;
      const data = { queryId, getResultUrl: `/queries/${queryId}/result` };
      const going = { data, code: '333334', message: 'Query execution in progress.', success: true };
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(going));
      return;
    }
    if (fault === 'cut') {
      request.socket.resetAndDestroy();
      return;
    }
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(answer.body);
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

const WORDS: readonly Kind[] = ['ALTER', 'COPY', 'CREATE', 'DROP', 'INSERT', 'LIST', 'PUT', 'REMOVE', 'SELECT', 'WITH'];

function seenOf({ url = '', headers }: IncomingMessage, bytes: Buffer): Seen {
  const { pathname, searchParams } = new URL(url, 'http://proxy');
  const text = headers['content-encoding'] === 'gzip' ? gunzipSync(bytes) : bytes;
  const body = (pathname === '/queries/v1/query-request' ? JSON.parse(`${text}`) : {}) as {
    readonly sqlText?: string;
    readonly parameters?: { readonly QUERY_TAG?: string };
  };
  const sql = body.sqlText ?? '';
  const word = /^\w+/.exec(sql)?.[0].toUpperCase();
  const kind = word === 'EXECUTE' ? 'BLOCK' : (WORDS.find((known) => known === word) ?? kindOf(pathname, searchParams));
  return { kind, sql, tag: body.parameters?.QUERY_TAG ?? '' };
}

function kindOf(path: string, query: URLSearchParams): Kind {
  if (path.startsWith('/session/v1/login')) return 'login';
  if (path === '/session' && query.has('delete')) return 'logout';
  if (path.startsWith('/monitoring/queries')) return 'status';
  if (/^\/queries\/[^/]+\/result$/.test(path)) return 'result';
  return path.startsWith('/queries/v1/abort') ? 'cancel' : 'other';
}

async function forward(target: string, { method, url, headers }: IncomingMessage, body: Buffer) {
  const outgoing = httpRequest(`${target}${url}`, { method, headers: { ...headers, 'content-length': body.length } });
  outgoing.end(body);
  const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
  return { status: answer.statusCode ?? 500, body: await buffer(answer) };
}

/** `--dump-sql FILE`: one JSON object a line for every statement. */
function dump({ sql }: Seen): void {
  const file = process.env.EXPORTD_DUMP_SQL;
  if (file !== undefined && sql !== '') appendFileSync(file, `${JSON.stringify({ sql })}\n`);
}
