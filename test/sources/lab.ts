import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { Server, Socket } from 'node:net';
import { Secret } from '../../src/core/secret.ts';
import type { DataType, GroupBy, Instant, Urgency } from '../../src/core/words.ts';
import { type ExportApiOptions, openExportApi } from '../../src/sources/export-api/index.ts';
import { createPace } from '../../src/sources/pace.ts';
import type { Ask, Extract, Source } from '../../src/sources/source.ts';
import { openSpool, type Spool, type SpoolFile } from '../../src/staging/spool.ts';
import { temporaryFolder } from '../staging/folder.ts';

const DAY = 24 * 60 * 60 * 1000;

/** What to ask for: one UTC day of one report. */
export function askFor(
  date: string,
  options: { dataType?: DataType; groupBy?: GroupBy; urgency?: Urgency; source?: string } = {},
): Ask {
  const { dataType = 'users', groupBy, urgency = 'awaited', source = 'acme' } = options;
  const report = { dataType, groupBy };
  const start = Date.parse(`${date}T00:00:00Z`);
  const next = new Date(start + DAY).toISOString().slice(0, 10);
  const group = groupBy === undefined ? '' : `:${groupBy}`;
  const period = {
    key: `${source}/${dataType}${group}/${date}/${next}@UTC`,
    source,
    report,
    grid: { grain: 'day', span: 1, timezone: 'UTC' },
    date,
    start,
    end: start + DAY,
  } as const;
  return { report, period, urgency };
}

/** A source with a spool of its own. */
export interface Lab extends AsyncDisposable {
  readonly source: Source;
  readonly spool: Spool;
  /** Times at which the source said that it is braked, and until when. */
  readonly slowed: { readonly until: Instant; readonly code: string }[];
  /** One attempt at one day, into a file of its own. */
  extract(date: string, signal?: AbortSignal): Promise<Extract>;
  file(): SpoolFile;
}

export const KEY = 'sk-very-secret-key';

export async function openLab(
  baseUrl: string,
  options: Partial<ExportApiOptions> = {},
  spoolLimit = 1e9,
): Promise<Lab> {
  const stack = new AsyncDisposableStack();
  const folder = stack.use(await temporaryFolder());
  const spool = stack.use(await openSpool({ directory: folder.path, limit: spoolLimit, instance: 'lab/00000001' }));
  const slowed: { until: Instant; code: string }[] = [];
  const source = stack.use(
    openExportApi({
      name: 'acme',
      baseUrl,
      apiKey: new Secret(KEY),
      format: 'csv',
      timeout: 10_000,
      history: undefined,
      strict: true,
      pace: createPace({ rate: undefined, concurrency: 8 }),
      clock: Date.now,
      onSlowed: (until, { code }) => slowed.push({ until, code }),
      ...options,
    }),
  );
  return {
    source,
    spool,
    slowed,
    file: () => spool.file('.body'),
    extract: (date, signal = new AbortController().signal) => source.extract(askFor(date), spool.file('.body'), signal),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** A server of our own making, for what no decent server does. */
export interface Hostile extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** Its connections that are open now. */
  readonly sockets: ReadonlySet<Socket>;
  readonly server: Server;
}

/** One that speaks HTTP. */
export async function serve(listener: RequestListener, host = '127.0.0.1'): Promise<Hostile> {
  return listening(createServer(listener), host);
}

export async function listening(server: Server, host = '127.0.0.1'): Promise<Hostile> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.listen(0, host);
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The server listens on no port.');
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${address.port}`,
    port: address.port,
    sockets,
    server,
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** A CSV answer that points at a URL. */
export function linkTo(downloadUrl: string, recordCount = 1): string {
  return JSON.stringify({ success: true, data: { downloadUrl, recordCount, dataType: 'users', filePath: 'x.csv' } });
}
