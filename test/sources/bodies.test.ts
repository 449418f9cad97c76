import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Writable } from 'node:stream';
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { receiveBody } from '../../src/http/body.ts';
import { openTransport } from '../../src/http/transport.ts';
import type { Extract } from '../../src/sources/source.ts';
import { type Lab, linkTo, openLab, serve } from './lab.ts';

type Send = (response: ServerResponse, request: IncomingMessage) => void;

/** A source whose rows are sent by `send`, in either format. */
async function sending(format: 'csv' | 'json', send: Send, recordCount = 1, spoolLimit = 1e9) {
  const stack = new AsyncDisposableStack();
  const server = stack.use(
    await serve((request, response) => {
      request.resume();
      if (format === 'csv' && request.method === 'POST') response.end(linkTo('/f.csv', recordCount));
      else send(response, request);
    }),
  );
  const lab: Lab = stack.use(await openLab(server.url, { format }, spoolLimit));
  return {
    lab,
    extract: (): Promise<Extract> => lab.extract('2026-11-23'),
    outcome: (): Promise<unknown> => lab.extract('2026-11-23').catch((error: unknown) => error),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

async function textOf(extract: Extract): Promise<string> {
  if (extract.kind !== 'body') throw new Error('There is no body.');
  return readFile(extract.file.path, 'utf8');
}

const sha256 = (text: string | Buffer) => createHash('sha256').update(text).digest('hex');

/** Case b11's body: 2,000 rows, the last value 1530064. */
const NUMBERS = `user_id,messages_total\n${Array.from(
  { length: 2000 },
  (_, index) => `u${String(index).padStart(5, '0')},${1_000_000 + ((index * 7919) % 900_001)}`,
).join('\n')}`;

const ENCODINGS = {
  gzip: gzipSync(NUMBERS),
  deflate: deflateSync(NUMBERS),
  br: brotliCompressSync(NUMBERS),
  zstd: zstdCompressSync(NUMBERS),
} as const;
const encodings = Object.keys(ENCODINGS) as (keyof typeof ENCODINGS)[];

describe('a compressed body', () => {
  test.each(encodings)('of %s is decoded, digested and counted as it was before', async (encoding) => {
    await using source = await sending('csv', (response) => {
      response.writeHead(200, { 'content-encoding': encoding }).end(ENCODINGS[encoding]);
    });
    const extract = await source.extract();
    expect(extract).toMatchObject({ kind: 'body', bytes: NUMBERS.length, digest: sha256(NUMBERS), format: 'csv' });
    expect(await textOf(extract)).toBe(NUMBERS);
  });

  test.each(encodings)('of %s that is cut anywhere is short, whatever the rows say (case b11)', async (encoding) => {
    const whole = ENCODINGS[encoding];
    for (const cut of [1, 4, 8, 10, 100, whole.length - 1]) {
      await using source = await sending(
        'csv',
        (response) => {
          response.writeHead(200, { 'content-encoding': encoding }).end(whole.subarray(0, -cut));
        },
        2000,
      );
      expect(await source.outcome()).toMatchObject({ code: 'BODY_SHORT', scope: 'period', retryable: true });
    }
  });

  test.each(encodings)('that is no %s at all is malformed, and asked for again', async (encoding) => {
    await using source = await sending('csv', (response) => {
      response.writeHead(200, { 'content-encoding': encoding }).end('user_id\nu1\n'.repeat(100));
    });
    expect(await source.outcome()).toMatchObject({ code: 'BODY_MALFORMED', retryable: true });
  });

  test('in an encoding that nobody asked for says so, and lets the connection go', async () => {
    await using source = await sending('csv', (response) => {
      response.writeHead(200, { 'content-encoding': 'compress' }).end('x');
    });
    expect(await source.outcome()).toMatchObject({
      code: 'BODY_MALFORMED',
      message: expect.stringContaining('compress'),
    });
  });

  test('may be compressed twice', async () => {
    await using source = await sending('csv', (response) => {
      response.writeHead(200, { 'content-encoding': 'gzip, br' }).end(brotliCompressSync(gzipSync('user_id\n')));
    });
    expect(await textOf(await source.extract())).toBe('user_id\n');
  });

  test('of JSON is decoded too', async () => {
    const text = '{"success":true,"data":[{"a":1}],"metadata":{"recordCount":1}}';
    await using source = await sending('json', (response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(text));
    });
    const extract = await source.extract();
    expect(extract).toMatchObject({
      layout: { columns: ['a'] },
      declaredRows: 1,
      bytes: text.length,
      digest: sha256(text),
    });
    expect(await textOf(extract)).toBe('1,\n');
  });
});

describe('a body', () => {
  test('that is cut before its Content-Length is short', async () => {
    for (const format of ['csv', 'json'] as const) {
      await using source = await sending(format, (response) => {
        response.writeHead(200, { 'content-length': 1000 });
        response.write(format === 'csv' ? 'user_id\nu1\n' : '{"data":[{"a":1},', () => response.destroy());
      });
      expect(await source.outcome()).toMatchObject({ code: 'BODY_SHORT', retryable: true });
    }
  });

  test('that is cut before its last chunk is short', async () => {
    await using source = await sending('csv', (response) => {
      response.writeHead(200);
      response.write('user_id\nu1\n', () => response.socket?.end());
    });
    expect(await source.outcome()).toMatchObject({ code: 'BODY_SHORT', retryable: true });
  });

  test('that only the end of its connection ends must end with a line (case b11)', async () => {
    const endingWith = (text: string) =>
      sending('csv', (response) => {
        response.socket?.end(`HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n${text}`);
      });
    await using whole = await endingWith('user_id\nu1\nu2\n');
    expect(await textOf(await whole.extract())).toBe('user_id\nu1\nu2\n');
    await using torn = await endingWith('user_id\nu1\nu');
    expect(await torn.outcome()).toMatchObject({ code: 'BODY_SHORT', retryable: true });
  });

  test('with only a header arrives as it is: what it means is judged later (case b13)', async () => {
    for (const text of ['user_id,messages_total\n', 'user_id,messages_total']) {
      for (const recordCount of [0, 3]) {
        await using source = await sending('csv', (response) => response.end(text), recordCount);
        const extract = await source.extract();
        expect(extract).toMatchObject({ kind: 'body', declaredRows: recordCount, bytes: text.length });
        expect(await textOf(extract)).toBe(text);
      }
    }
  });

  test('that says no recordCount has none', async () => {
    await using server = await serve((request, response) => {
      request.resume();
      const answer = { success: true, data: { downloadUrl: '/x' } };
      response.end(request.method === 'POST' ? JSON.stringify(answer) : 'user_id\n');
    });
    await using lab = await openLab(server.url);
    expect(await lab.extract('2026-11-23')).toMatchObject({ declaredRows: undefined, strict: true });
  });

  test('whose characters are cut by network chunks is what was sent, code point by code point (case b15)', async () => {
    const name = 'Zoë 中文 👩‍💻 e\u0301';
    const texts = {
      csv: `user_id,name\nu1,${name}\n`,
      json: `{"success":true,"data":[{"user_id":"u1","name":"${name}"}],"metadata":{"recordCount":1}}`,
    } as const;
    for (const format of ['csv', 'json'] as const) {
      await using source = await sending(format, (response) => {
        const bytes = Buffer.from(texts[format]);
        let at = 0;
        const next = (): void => {
          if (at === bytes.length) response.end();
          else response.write(bytes.subarray(at, ++at), () => setImmediate(next));
        };
        response.socket?.setNoDelay(true);
        next();
      });
      const text = await textOf(await source.extract());
      expect(text).toBe(format === 'csv' ? texts.csv : `"u1","${name}"\n`);
    }
  });

  test('of the same bytes has the same digest, whatever its chunks', async () => {
    const json = '{"data":[{"a":1},{"a":2}],"metadata":{"recordCount":2}}';
    const digests = new Set<string>();
    for (const size of [1, 10, 1000]) {
      await using source = await sending('json', (response) => {
        for (let at = 0; at < json.length; at += size) response.write(json.slice(at, at + size));
        response.end();
      });
      const extract = await source.extract();
      if (extract.kind === 'body') digests.add(extract.digest);
    }
    expect([...digests]).toEqual([sha256(json)]);
  });

  test('that finds no room in the spool fails its period with SPOOL_FULL, and ends its connection', async () => {
    let closed: Promise<void> | undefined;
    const endless: Send = (response) => {
      closed = new Promise((resolve) => response.once('close', resolve));
      const chunk = Buffer.alloc(65_536, 'x');
      const more = (): void => {
        while (!response.destroyed && response.write(chunk));
        if (!response.destroyed) response.once('drain', more);
      };
      more();
    };
    await using source = await sending('csv', endless, 1, 1_000_000);
    expect(await source.outcome()).toMatchObject({
      code: 'SPOOL_FULL',
      retryable: true,
      message: expect.stringContaining('needs at least 1.'),
    });
    await closed;
  });
});

describe('a slow body', () => {
  const GET = { method: 'GET', headers: {} } as const;
  const nowhere = { writable: () => new Writable({ write: (_chunk, _encoding, callback) => callback() }) };

  test('that stands still is short', async () => {
    await using server = await serve((_request, response) => {
      response.writeHead(200);
      response.write('user_id\n');
    });
    await using transport = openTransport({ timeout: 5000, idleTimeout: 100, stops: 'period' });
    const url = new URL(server.url);
    const response = await transport.send({ ...GET, url }, new AbortController().signal);
    await expect(receiveBody(response, url, [], nowhere)).rejects.toMatchObject({
      code: 'BODY_SHORT',
      retryable: true,
    });
  });

  test('that trickles is short: under the least that a body must bring in its time', async () => {
    await using server = await serve((_request, response) => {
      const timer = setInterval(() => response.write('x'), 5);
      response.once('close', () => clearInterval(timer));
    });
    await using transport = openTransport({ timeout: 5000, stops: 'period' });
    const url = new URL(server.url);
    const response = await transport.send({ ...GET, url }, new AbortController().signal);
    const slowest = { bytes: 10_000, within: 100 };
    await expect(receiveBody(response, url, [], nowhere, slowest)).rejects.toMatchObject({
      code: 'BODY_SHORT',
      message: expect.stringMatching(/sent \d+ bytes in/),
    });
  });

  test('that brings enough is let go on', async () => {
    await using server = await serve((_request, response) => {
      let left = 30;
      const timer = setInterval(() => {
        left -= 1;
        if (left > 0) response.write(Buffer.alloc(1000));
        else {
          clearInterval(timer);
          response.end();
        }
      }, 10);
    });
    await using transport = openTransport({ timeout: 5000, stops: 'period' });
    const url = new URL(server.url);
    const response = await transport.send({ ...GET, url }, new AbortController().signal);
    const slowest = { bytes: 500, within: 50 };
    expect(await receiveBody(response, url, [], nowhere, slowest)).toMatchObject({ bytes: 29_000 });
  });
});
