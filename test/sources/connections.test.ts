import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer as createHttpsServer } from 'node:https';
import { connect, createServer as createTcpServer, type LookupFunction, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { ExportdError } from '../../src/core/errors.ts';
import { readText } from '../../src/http/body.ts';
import { HeldBack, openTransport } from '../../src/http/transport.ts';
import { type Certificates, makeCertificates } from './certificates.ts';
import { linkTo, listening, openLab, serve } from './lab.ts';

afterEach(() => {
  vi.unstubAllEnvs();
});

const CSV = 'user_id\nu1\n';

const exporting = (host?: string) =>
  serve((request, response) => {
    request.resume();
    response.end(request.method === 'POST' ? linkTo('/f.csv') : CSV);
  }, host);

/** As where /etc/hosts lists ::1 before 127.0.0.1 for localhost. */
const bothFamilies: LookupFunction = (_name, _options, callback) =>
  callback(null, [
    { address: '::1', family: 6 },
    { address: '127.0.0.1', family: 4 },
  ]);

/** One GET of localhost, where the name stands for both families. */
async function getLocalhost(port: number): Promise<string> {
  await using transport = openTransport({ timeout: 1000, stops: 'period', lookup: bothFamilies });
  const url = new URL(`http://localhost:${port}/export`);
  const response = await transport.send({ method: 'GET', url, headers: {} }, new AbortController().signal);
  return readText(response, url, 1000);
}

/** A port on which nothing listens. */
async function freePort(): Promise<number> {
  await using server = await serve(() => undefined);
  return server.port;
}

describe('a connection', () => {
  test.each(['127.0.0.1', '::1'])('to localhost finds the server on %s alone (case c09)', async (host) => {
    await using server = await exporting(host);
    expect(await getLocalhost(server.port)).toBe(CSV);
  });

  test('to localhost where nothing listens names each address tried, and the port (case c09)', async () => {
    const port = await freePort();
    await expect(getLocalhost(port)).rejects.toMatchObject({
      code: 'SOURCE_UNREACHABLE',
      scope: 'period',
      retryable: true,
      message: `no answer from http://localhost:${port}/export: tried [::1]:${port} (ECONNREFUSED), 127.0.0.1:${port} (ECONNREFUSED)`,
    });
  });

  test('to a name that nobody knows says so', async () => {
    await using lab = await openLab('http://nowhere.invalid');
    await expect(lab.extract('2026-11-23')).rejects.toMatchObject({
      code: 'SOURCE_UNREACHABLE',
      retryable: true,
      message: expect.stringContaining('nowhere.invalid'),
    });
  });

  test('asks the look-up that it was given, which may refuse before anything is connected to', async () => {
    let connected = 0;
    await using server = await exporting();
    server.server.on('connection', () => {
      connected += 1;
    });
    const refusal = new ExportdError('DOWNLOAD_REFUSED', 'not there', { scope: 'period' });
    await using transport = openTransport({
      timeout: 1000,
      stops: 'period',
      lookup: (_name, _options, callback) => callback(refusal, []),
    });
    const url = new URL(`http://localhost:${server.port}/`);
    const sent = transport.send({ method: 'GET', url, headers: {} }, new AbortController().signal);
    await expect(sent).rejects.toBe(refusal);
    expect(connected).toBe(0);
  });

  test('is asked at the last moment whether a request may leave: where not, the server sees nothing of it', async () => {
    const seen: string[] = [];
    await using server = await serve((request, response) => {
      seen.push(request.url ?? '');
      response.end('x');
    });
    await using transport = openTransport({ timeout: 1000, stops: 'period' });
    const get = (path: string, mayLeave: () => boolean) =>
      transport.send(
        { method: 'GET', url: new URL(path, server.url), headers: {}, mayLeave },
        new AbortController().signal,
      );
    await expect(get('/held', () => false)).rejects.toBeInstanceOf(HeldBack);
    await get('/free', () => true);
    await expect(get('/held', () => false)).rejects.toBeInstanceOf(HeldBack);
    await get('/free', () => true);
    expect(seen).toEqual(['/free', '/free']);
  });

  test('that breaks before the answer costs one attempt, and may be tried again', async () => {
    await using server = await serve((request) => request.socket.resetAndDestroy());
    await using lab = await openLab(server.url);
    await expect(lab.extract('2026-11-23')).rejects.toMatchObject({ code: 'SOURCE_UNREACHABLE', retryable: true });
  });

  test('to something that speaks no HTTP says so without quoting it', async () => {
    await using server = await listening(
      createTcpServer((socket) => socket.end('220 ada@example.com SMTP\r\n')) as never,
    );
    await using lab = await openLab(server.url);
    const error = await lab.extract('2026-11-23').catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'SOURCE_UNREACHABLE', retryable: true });
    expect(String(error)).not.toContain('ada');
  });

  test('is used again, and one that the server has closed meanwhile costs one attempt at most (case c08)', async () => {
    const sockets = new Set<Socket>();
    let last: Socket | undefined;
    await using server = await serve((request, response) => {
      request.resume();
      sockets.add(request.socket);
      last = request.socket;
      response.end('{"data":[],"metadata":{"recordCount":0}}');
    });
    await using lab = await openLab(server.url, { format: 'json' });
    await lab.extract('2026-11-20');
    await lab.extract('2026-11-21');
    expect(sockets.size).toBe(1);
    for (let round = 0; round < 10; round += 1) {
      // The server's end goes away in the very moment in which the next request leaves.
      last?.destroy();
      const outcome = await lab.extract('2026-11-22').catch((thrown: unknown) => thrown);
      if (outcome instanceof ExportdError) {
        expect(outcome).toMatchObject({ code: 'SOURCE_UNREACHABLE', retryable: true });
        await lab.extract('2026-11-22');
      }
    }
  });

  test('is closed with its source', async () => {
    await using server = await serve((request, response) => {
      request.resume();
      response.end('{"data":[]}');
    });
    const lab = await openLab(server.url, { format: 'json' });
    await lab.extract('2026-11-22');
    const [socket] = server.sockets;
    expect(server.sockets.size).toBe(1);
    await lab[Symbol.asyncDispose]();
    if (socket !== undefined && !socket.destroyed) await once(socket, 'close');
    expect(server.sockets.size).toBe(0);
  });

  test('that hangs is broken off with its source', async () => {
    const { promise: asked, resolve } = Promise.withResolvers<void>();
    await using server = await serve((request) => {
      request.resume();
      resolve();
    });
    const lab = await openLab(server.url);
    const outcome = lab.extract('2026-11-22').catch((error: unknown) => error);
    await asked;
    await lab[Symbol.asyncDispose]();
    expect(await outcome).toMatchObject({ code: 'SOURCE_UNREACHABLE' });
  });
});

describe('waiting for an answer', () => {
  test('ends after the timeout, retryable, and says which setting it was', async () => {
    await using server = await serve((request) => void request.resume());
    await using lab = await openLab(server.url, { timeout: 100 });
    await expect(lab.extract('2026-11-23')).rejects.toMatchObject({
      code: 'SOURCE_TIMEOUT',
      scope: 'period',
      retryable: true,
      message: `no answer from ${server.url}/export/users/csv within 0.1 s`,
      hint: expect.stringContaining('timeout'),
    });
  });

  test.each(['the answer', 'the body', 'a turn'])(
    'for %s ends at once where it is aborted, with the reason, and the source is unharmed',
    async (what) => {
      const stop = new AbortController();
      const reason = new Error('stopped by a person');
      let hangs = true;
      await using server = await serve((request, response) => {
        request.resume();
        if (!hangs) response.end('{"data":[],"metadata":{"recordCount":0}}');
        else {
          if (what === 'the body') response.write('{"data":[');
          stop.abort(reason);
        }
      });
      await using lab = await openLab(server.url, { format: 'json' });
      if (what === 'a turn') stop.abort(reason);
      await expect(lab.extract('2026-11-23', stop.signal)).rejects.toBe(reason);
      hangs = false;
      expect(await lab.extract('2026-11-23')).toMatchObject({ kind: 'body', declaredRows: 0 });
    },
  );
});

describe('a proxy of the environment', () => {
  test('carries requests and downloads, other than to hosts of NO_PROXY', async () => {
    await using server = await exporting();
    const tunnels: string[] = [];
    await using proxy = await serve((request, response) => {
      tunnels.push(`${request.method} ${request.url}`);
      response.writeHead(500).end();
    });
    proxy.server.on('connect', (request, socket, head) => {
      tunnels.push(request.url ?? '');
      const upstream = connect(server.port, '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        upstream.write(head);
        upstream.pipe(socket).pipe(upstream);
      });
      for (const end of [socket, upstream]) end.on('error', () => upstream.destroy());
    });
    vi.stubEnv('http_proxy', proxy.url);
    vi.stubEnv('no_proxy', 'direct.invalid');
    {
      await using lab = await openLab('http://api.invalid:8080');
      await lab.extract('2026-11-23').catch((error: unknown) => error);
    }
    expect(tunnels.length).toBeGreaterThan(0);
    expect(tunnels.every((target) => target.includes('api.invalid:8080'))).toBe(true);
    tunnels.length = 0;
    vi.stubEnv('no_proxy', '127.0.0.1');
    await using lab = await openLab(server.url);
    expect(await lab.extract('2026-11-23')).toMatchObject({ kind: 'body' });
    expect(tunnels).toEqual([]);
  });
});

describe("a company's own certificate authority (case c11)", () => {
  let certificates: Certificates;
  beforeAll(async () => {
    certificates = await makeCertificates();
  });
  afterAll(() => certificates[Symbol.asyncDispose]());

  async function outcomeWith(which: 'good' | 'expired', environment: Record<string, string>) {
    const server = createHttpsServer(certificates[which], (request, response) => {
      request.resume();
      response.end(request.method === 'POST' ? linkTo('/f.csv') : CSV);
    });
    server.on('tlsClientError', () => undefined);
    await using listener = await listening(server);
    const { NODE_EXTRA_CA_CERTS: _own, ...others } = process.env;
    const script = fileURLToPath(new URL('./fetch-once.ts', import.meta.url));
    const run = promisify(execFile)(process.execPath, [script, `https://127.0.0.1:${listener.port}`], {
      env: { ...others, ...environment },
    });
    return { port: listener.port, outcome: JSON.parse((await run).stdout) as Record<string, unknown> };
  }

  test('is trusted through NODE_EXTRA_CA_CERTS, for the API and for downloads', async () => {
    const { outcome } = await outcomeWith('good', { NODE_EXTRA_CA_CERTS: certificates.authority });
    expect(outcome).toEqual({ kind: 'body' });
  });

  test('that is not known ends after one attempt, naming host, reason and NODE_EXTRA_CA_CERTS', async () => {
    const { outcome, port } = await outcomeWith('good', {});
    expect(outcome).toMatchObject({ code: 'TLS_REFUSED', retryable: false });
    expect(outcome.message).toMatch(
      new RegExp(`^the certificate of 127\\.0\\.0\\.1:${port} is not trusted: .*certificate`),
    );
    expect(outcome.hint).toContain('NODE_EXTRA_CA_CERTS');
    expect(JSON.stringify(outcome)).not.toContain('NODE_TLS_REJECT_UNAUTHORIZED');
  });

  test('does not help a certificate that has expired', async () => {
    const { outcome } = await outcomeWith('expired', { NODE_EXTRA_CA_CERTS: certificates.authority });
    expect(outcome).toMatchObject({
      code: 'TLS_REFUSED',
      retryable: false,
      message: expect.stringContaining('expired'),
    });
    expect(outcome.hint).not.toContain('NODE_EXTRA_CA_CERTS');
  });
});
