/** What networks and hosts do to exports, met by the whole command: nothing leaks, nothing is guessed, nothing is hammered. */
import type { IncomingMessage } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { describe, expect, test } from 'vitest';
import { exportd, folder, frame, start } from '../cli/exportd.ts';
import { plainUsage } from '../engines/usage-api/plain-usage.ts';
import { makeCertificates } from '../sources/certificates.ts';
import { linkTo, listening, serve } from '../sources/lab.ts';
import { day, firstDays } from './days.ts';
import { KEY, type World, world } from './world.ts';

const rows = plainUsage({ rows: 3 });
const DAY = firstDays(1);

/** The same job on the same file, its API elsewhere. */
function move(w: World, url: string): void {
  w.place.write('exportd.yaml', frame({ url }));
}

const exportsOf = (w: World) => w.api.requests.filter(({ kind }) => kind === 'export');

describe('a download', () => {
  test('is asked for without key and cookie, of every host on its way, and its signature is told nobody (case c01)', async () => {
    const seen: IncomingMessage[] = [];
    await using last = await serve((request, response) => {
      seen.push(request);
      response.end('user_id\nu1\n');
    }, '127.0.0.3');
    await using first = await serve((request, response) => {
      seen.push(request);
      response.writeHead(307, { location: `${last.url}/f.csv?sig=very-secret-two`, 'set-cookie': 'a=b' }).end();
    }, '127.0.0.2');
    await using w = await world({ rows: () => [{}] });
    w.api.fault({ kind: 'answer', set: { downloadUrl: `${first.url}/f.csv?sig=very-secret-one` } });
    const run = await w.run('run', 'j', ...DAY, '--log-level', 'trace');
    expect(run).toMatchObject({ exit: 0, outcomes: { loaded: 1 } });
    expect(w.api.requests[0]?.headers.authorization).toBe(`Bearer ${KEY}`);
    expect(seen.map(({ url }) => url)).toEqual(['/f.csv?sig=very-secret-one', '/f.csv?sig=very-secret-two']);
    for (const { rawHeaders } of seen) expect(rawHeaders.join('\n')).not.toMatch(/authorization|cookie|the-api-key/i);
    expect(run.said).not.toContain('very-secret');
  });

  test('whose URL has expired costs a new export, and its source goes on (case c03)', async () => {
    await using w = await world({ rows, urlTtl: 200 });
    w.api.fault({ kind: 'delay', ms: 400, on: 'download', times: 4 });
    expect(await w.run('run', 'j', ...firstDays(4))).toMatchObject({ exit: 0, outcomes: { loaded: 4 } });
    const downloads = w.api.requests.filter(({ kind }) => kind === 'download').map(({ path }) => path);
    expect([exportsOf(w).length, downloads.length, new Set(downloads).size]).toEqual([8, 8, 8]);
  });
});

describe('an export request', () => {
  test.each([301, 307])('that is redirected with %i is no empty period (case c02)', async (status) => {
    await using w = await world({ rows });
    await w.run('run', 'j', ...DAY);
    const methods: (string | undefined)[] = [];
    await using target = await serve((request, response) => {
      methods.push(request.method);
      response.writeHead(404).end('{"message":"Cannot GET /export/users/csv","code":"NOT_FOUND"}');
    });
    await using moved = await serve((request, response) => {
      response.writeHead(status, { location: `${target.url}${request.url}` }).end();
    });
    move(w, moved.url);
    const run = await w.run('run', 'j', ...DAY);
    expect([run.exit, run.periods.get(day(0)), methods]).toEqual([1, { outcome: 'failed', code: 'REDIRECTED' }, []]);
    expect(run.errors.get(day(0))?.message).toBe(
      `${moved.url}/export/users/csv answered ${status}, a redirect to ${target.url}/export/users/csv`,
    );
    expect(await w.query(`SELECT count(*) FROM t`)).toEqual([['3']]);
    expect(await w.query(`SELECT count(*) FROM _exportd_loads WHERE outcome = 'empty'`)).toEqual([['0']]);
  });

  test('met by pages of a load balancer is made again; status and URL are told, the page is not (case c07)', async () => {
    await using w = await world({ rows });
    w.place.write('exportd.yaml', frame({ url: w.api.url }).replace('max_attempts: 2', 'max_attempts: 4'));
    w.api.fault({ kind: 'html', times: 2 });
    w.api.fault({ kind: 'html', status: 503, on: 'download' });
    const run = await w.run('run', 'j', ...DAY);
    expect(run).toMatchObject({ exit: 0, outcomes: { loaded: 1 } });
    expect(run.said).toContain(`${w.api.url}/export/users/csv answered 502: Bad Gateway`);
    expect(run.said).not.toMatch(/Unexpected token|<html|<h1/);
    expect(exportsOf(w)).toHaveLength(4);
  });

  test('to localhost finds the one address that listens (case c09)', async () => {
    await using w = await world({ rows });
    move(w, w.api.url.replace('127.0.0.1', 'localhost'));
    expect(await w.run('run', 'j', ...DAY)).toMatchObject({ exit: 0, outcomes: { loaded: 1 } });
  });

  test('to where nothing listens names the addresses tried, and the port (case c09)', async () => {
    await using w = await world({ rows });
    const { port } = await (async () => {
      await using gone = await serve(() => undefined);
      return gone;
    })();
    move(w, `http://localhost:${port}`);
    const { exit, stdout } = await exportd(['run', 'j', ...DAY, '-c', w.place.at('exportd.yaml')]);
    expect(exit).toBe(1);
    expect(stdout).toContain(`127.0.0.1:${port} (ECONNREFUSED)`);
    expect(stdout).not.toContain('fetch failed');
  });
});

describe.concurrent('a 429', () => {
  const inSeconds = (seconds: number) => new Date(Date.now() + seconds * 1000 + 999);
  const imf = (seconds: number) => inSeconds(seconds).toUTCString();

  test('is waited out as long as it says, and otherwise for a moment (case c04)', async ({ expect }) => {
    const forms: readonly (readonly [said: () => string | readonly string[] | undefined, least: number])[] = [
      [() => '1', 1000],
      [() => imf(1), 900],
      [() => ['1', '2'], 1000],
      [() => '-5', 0],
      [() => 'soon', 0],
      [() => undefined, 0],
    ];
    const waited = await Promise.all(
      forms.map(async ([said]) => {
        await using w = await world({ rows });
        const retryAfter = said();
        w.api.fault({ kind: 'rate-limited', ...(retryAfter === undefined ? {} : { retryAfter }) });
        expect(await w.run('run', 'j', ...DAY)).toMatchObject({ exit: 0, outcomes: { loaded: 1 } });
        const [first, second] = exportsOf(w);
        return (second?.at ?? 0) - (first?.at ?? 0);
      }),
    );
    for (const [n, [said, least]] of forms.entries()) {
      expect(waited[n], `Retry-After: ${said()}`).toBeGreaterThanOrEqual(least);
      expect(waited[n], `Retry-After: ${said()}`).toBeLessThan(least + 5000);
    }
  });

  test('brakes all workers of its source at once, and uses up nobody’s attempts (case c06)', async ({ expect }) => {
    await using w = await world({ rows, rateLimit: 5, rateWindow: 1000 });
    expect(await w.run('backfill', 'j', ...firstDays(12))).toMatchObject({ exit: 0, outcomes: { loaded: 12 } });
    const refused = exportsOf(w).filter(({ status }) => status === 429);
    const [first] = refused;
    expect(refused.length).toBeLessThan(10);
    // Requests that were on the wire already come within a moment; then there is a second of quiet.
    const after = exportsOf(w)
      .map(({ at }) => at - (first?.at ?? 0))
      .filter((ms) => ms > 300);
    expect(Math.min(...after)).toBeGreaterThanOrEqual(1000);
  });
});

test("a company's own authority is trusted where NODE_EXTRA_CA_CERTS names it, and is named where it is missing (case c11)", async () => {
  await using certificates = await makeCertificates();
  const posts: unknown[] = [];
  const server = createHttpsServer(certificates.good, (request, response) => {
    request.resume();
    if (request.method === 'POST') posts.push(request.url);
    response.end(request.method === 'POST' ? linkTo('/f.csv') : 'user_id\nu1\n');
  });
  server.on('tlsClientError', () => undefined);
  await using listener = await listening(server);
  using place = folder({ 'exportd.yaml': frame({ url: `https://127.0.0.1:${listener.port}` }) });
  const run = (env: Readonly<Record<string, string>>) =>
    start(['run', 'j', ...DAY, '-c', place.at('exportd.yaml')], env).ended;

  const refused = await run({});
  expect([refused.exit, posts]).toEqual([1, []]);
  expect(refused.stdout).toContain(`error TLS_REFUSED: the certificate of 127.0.0.1:${listener.port} is not trusted`);
  expect(refused.stdout).toContain('NODE_EXTRA_CA_CERTS=/path/to/ca.pem');
  expect(refused.stdout + refused.stderr).not.toMatch(/retry|REJECT_UNAUTHORIZED/);
  expect(await run({ NODE_EXTRA_CA_CERTS: certificates.authority })).toMatchObject({ exit: 0 });
});
