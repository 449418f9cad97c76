import { readFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { inspect } from 'node:util';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { startUsageApi } from '../engines/usage-api.ts';
import { KEY, linkTo, openLab, serve } from './lab.ts';

afterEach(() => {
  vi.unstubAllEnvs();
});

const CSV = 'user_id\nu1\n';

/** A source whose exports are said to be at `downloadUrl`. */
async function pointingTo(downloadUrl: string) {
  const stack = new AsyncDisposableStack();
  const server = stack.use(
    await serve((request, response) => {
      request.resume();
      response.end(linkTo(downloadUrl));
    }),
  );
  const lab = stack.use(await openLab(server.url));
  return {
    url: server.url,
    outcome: () => lab.extract('2026-11-23').catch((error: unknown) => error),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

describe('a download', () => {
  test('carries neither key nor cookie, to no host and through no redirect (case c01)', async () => {
    const seen: IncomingMessage[] = [];
    await using last = await serve((request, response) => {
      seen.push(request);
      if (request.headers.authorization !== undefined) response.writeHead(400).end('InvalidArgument');
      else response.end(CSV);
    }, '127.0.0.3');
    await using first = await serve((request, response) => {
      seen.push(request);
      if (request.headers.authorization !== undefined) response.writeHead(400).end('InvalidArgument');
      else response.writeHead(307, { location: `${last.url}/f.csv?sig=y`, 'set-cookie': 'a=b' }).end();
    }, '127.0.0.2');
    await using source = await pointingTo(`${first.url}/f.csv?sig=x`);
    expect(await source.outcome()).toMatchObject({ kind: 'body', bytes: CSV.length });
    expect(seen.map(({ url }) => url)).toEqual(['/f.csv?sig=x', '/f.csv?sig=y']);
    for (const request of seen) {
      expect(request.headers).not.toHaveProperty('authorization');
      expect(request.headers).not.toHaveProperty('cookie');
      expect(request.headers).not.toHaveProperty('referer');
      expect(inspect(request.rawHeaders)).not.toContain(KEY);
    }
  });

  test('whose URL has expired fails its period for now, not the source: a new export has a new URL (case c03)', async () => {
    await using api = await startUsageApi({ keys: { [KEY]: ['USAGE_EXPORT_API'] }, rows: () => [{ user_id: 'u1' }] });
    await using lab = await openLab(api.url);
    api.fault({ kind: 'expired' });
    const error = await lab.extract('2026-11-23').catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'DOWNLOAD_FAILED', scope: 'period', retryable: true });
    expect(String(error)).toContain('answered the download with 403: AccessDenied');
    expect(String(error)).not.toContain('?');
    expect(await lab.extract('2026-11-23')).toMatchObject({ kind: 'body' });
    const paths = api.requests.filter(({ kind }) => kind === 'download').map(({ path }) => path);
    expect(new Set(paths).size).toBe(2);
  });

  test.each([404, 410, 500, 503])('answered with %i may be tried again', async (status) => {
    await using storage = await serve((_request, response) => response.writeHead(status).end('<html>x</html>'));
    await using source = await pointingTo(`${storage.url}/f.csv?sig=secret`);
    expect(await source.outcome()).toMatchObject({
      code: 'DOWNLOAD_FAILED',
      retryable: true,
      message: `${storage.url}/f.csv answered the download with ${status}`,
    });
  });

  test('follows five redirects and no more', async () => {
    let asked = 0;
    await using storage = await serve((request, response) => {
      asked += 1;
      const left = Number(request.url?.slice(1));
      if (left === 0) response.end(CSV);
      else response.writeHead([301, 302, 303, 307, 308][left % 5] ?? 302, { location: `/${left - 1}` }).end();
    });
    await using five = await pointingTo(`${storage.url}/5`);
    expect(await five.outcome()).toMatchObject({ kind: 'body' });
    asked = 0;
    await using many = await pointingTo(`${storage.url}/1000`);
    expect(await many.outcome()).toMatchObject({ code: 'DOWNLOAD_FAILED', scope: 'period' });
    expect(asked).toBe(6);
  });

  test.each(['file:///etc/passwd', 'ftp://127.0.0.1/x', 'data:text/csv,user_id', 'javascript:1'])(
    'from %s is refused, also where a redirect leads there',
    async (target) => {
      await using storage = await serve((_request, response) => response.writeHead(302, { location: target }).end());
      for (const downloadUrl of [target, `${storage.url}/x`]) {
        await using source = await pointingTo(downloadUrl);
        expect(await source.outcome()).toMatchObject({ code: 'DOWNLOAD_REFUSED', scope: 'period', retryable: false });
      }
    },
  );

  test.each([
    'http://169.254.169.254/latest/meta-data/',
    'http://[fe80::1]/x',
    'http://[::ffff:169.254.169.254]/x',
    'http://2852039166/x',
    'http://0xa9fea9fe/x',
  ])('from a link-local address (%s) is refused, first or by redirect, through a proxy or not', async (target) => {
    let proxied = 0;
    await using proxy = await serve((_request, response) => {
      proxied += 1;
      response.end(CSV);
    });
    proxy.server.on('connect', (_request, socket) => {
      proxied += 1;
      socket.destroy();
    });
    await using storage = await serve((_request, response) => response.writeHead(307, { location: target }).end());
    for (const downloadUrl of [target, `${storage.url}/x`]) {
      for (const httpProxy of ['', proxy.url]) {
        vi.stubEnv('HTTP_PROXY', httpProxy);
        vi.stubEnv('http_proxy', httpProxy);
        vi.stubEnv('NO_PROXY', '127.0.0.1');
        await using source = await pointingTo(downloadUrl);
        expect(await source.outcome()).toMatchObject({ code: 'DOWNLOAD_REFUSED', scope: 'period', retryable: false });
      }
    }
    expect(proxied).toBe(0);
  });

  test('from another private address is allowed: people keep storage of their own', async () => {
    await using storage = await serve((_request, response) => response.end(CSV), '127.0.0.9');
    await using source = await pointingTo(`${storage.url}/x`);
    expect(await source.outcome()).toMatchObject({ kind: 'body' });
  });

  test('may be told of by a path below the API', async () => {
    await using server = await serve((request, response) => {
      request.resume();
      response.end(request.method === 'POST' ? linkTo('/files/../files/f.csv?sig=1') : CSV);
    });
    await using lab = await openLab(`${server.url}/api`);
    const extract = await lab.extract('2026-11-23');
    expect(extract).toMatchObject({ kind: 'body' });
    if (extract.kind === 'body') expect(await readFile(extract.file.path, 'utf8')).toBe(CSV);
  });
});
