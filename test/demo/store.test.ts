import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { startClickHouse } from '../engines/clickhouse.ts';

const STORE = fileURLToPath(new URL('../../demo/store.ts', import.meta.url));

function start(words: readonly string[], more: Readonly<Record<string, string>> = {}) {
  const { CLICKHOUSE_URL: _url, ...env } = process.env;
  const child = spawn(process.execPath, [STORE, ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...env, ...more },
  });
  return { child, ended: once(child, 'close') };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('The machine gave no port.');
  return address.port;
}

test('npm run store fills a store, says where it is and what to do with it, and goes with Ctrl-C', async () => {
  const port = await freePort();
  const { child, ended } = start(['--port', String(port), '--days', '10', '--users', '20', '--seed', '3']);
  let said = '';
  child.stdout.setEncoding('utf8');
  for await (const piece of child.stdout) {
    said += piece;
    if (said.includes('Ctrl-C ends it')) break;
  }
  expect(said).toMatch(/^[\d,]+ requests of 20 people on 10 days, made in/);
  expect(said).toContain(
    `{ type: clickhouse, url: "http://127.0.0.1:${port}", database: exportd_demo, workspace: acme }`,
  );
  const ask = () => fetch(`http://127.0.0.1:${port}/?query=SELECT+count()>100+FROM+exportd_demo.usage_events`);
  expect((await (await ask()).text()).trim()).toBe('1');
  child.kill('SIGINT');
  expect(await ended).toEqual([0, null]);
  await expect(ask()).rejects.toThrow();
});

test('where CLICKHOUSE_URL names a server, npm run store fills that one and ends', async () => {
  await using server = await startClickHouse({ users: { filler: { password: 'p w' } } });
  const env = { CLICKHOUSE_URL: server.url, CLICKHOUSE_USER: 'filler', CLICKHOUSE_PASSWORD: 'p w' };
  const { child, ended } = start(['--days', '5', '--users', '20'], env);
  const said = await text(child.stdout);
  expect(await ended).toEqual([0, null]);
  expect(said).toContain(
    `url: "${server.url}", username: "filler", password: "\${CLICKHOUSE_PASSWORD}", database: exportd_demo`,
  );
  expect(said).not.toContain('p w');
  expect(await server.query('SELECT count() > 50 FROM exportd_demo.usage_events')).toBe('1');
  const refused = start(['--port', '8123'], env);
  expect(await refused.ended).toEqual([2, null]);
});

test.each([
  [['--port', '0'], '--port takes a whole number from 1 to 65535, not "0"'],
  [['--users', 'many'], '--users takes a whole number'],
  [['--day', '3'], "'--day'"],
])('%j is refused with what is right', async (words, message) => {
  const { child, ended } = start(words);
  const said = text(child.stderr);
  expect(await ended).toEqual([2, null]);
  expect(await said).toContain(message);
});
