import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startClickHouse } from './clickhouse.ts';

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/ping`)).ok;
  } catch {
    return false;
  }
}

test('what is written survives a kill, and users may do what they are granted and no more', async () => {
  const server = await startClickHouse({
    timezone: 'Asia/Kathmandu',
    users: { reader: { password: 'a<b&c', profile: 'careful', grants: ['GRANT SELECT ON kept.*'] } },
    profiles: { careful: { readonly: 1, max_result_rows: 7 } },
  });
  await server.query('CREATE DATABASE kept');
  await server.query(
    'CREATE TABLE kept.numbers (n UInt64) ENGINE = MergeTree ORDER BY n AS SELECT number FROM numbers(1000)',
  );
  const first = server.pid;
  await server.restart();
  expect(server.pid).not.toBe(first);
  expect(await server.query('SELECT timezone(), sum(n), {x:String} FROM numbers', { x: 'y' }, 'kept')).toBe(
    'Asia/Kathmandu\t499500\ty',
  );
  const asReader = async (sql: string, key = 'a<b&c') => {
    const headers = { 'X-ClickHouse-User': 'reader', 'X-ClickHouse-Key': key };
    return await (await fetch(server.url, { method: 'POST', headers, body: sql })).text();
  };
  expect(await asReader("SELECT count(), getSetting('max_result_rows') FROM kept.numbers")).toBe('1000\t7\n');
  expect(await asReader('DROP TABLE kept.numbers')).toContain('ACCESS_DENIED');
  expect(await asReader('SELECT 1', 'wrong')).toContain('AUTHENTICATION_FAILED');

  await server[Symbol.asyncDispose]();
  expect([await answers(server.url), existsSync(server.folder)]).toEqual([false, false]);
});

test('a folder that was given stays, and a port that is taken is said to be', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'exportd-kept-'));
  try {
    await using server = await startClickHouse({ folder });
    await expect(startClickHouse({ port: server.port })).rejects.toThrow(/before it was ready.*already in use/s);
    await server.query('SELECT 1');
  } finally {
    expect(existsSync(join(folder, 'data'))).toBe(true);
    await rm(folder, { recursive: true });
  }
});

test('it dies with the process that started it, though that is killed, and its folder goes', async () => {
  const program = `import { startClickHouse } from './test/engines/clickhouse.ts';
    const { url, folder } = await startClickHouse();
    console.log(JSON.stringify({ url, folder }));`;
  const parent = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = await once(parent.stdout, 'data');
  const { url, folder } = JSON.parse(line);
  expect([await answers(url), existsSync(folder)]).toEqual([true, true]);
  parent.kill('SIGKILL');
  await expect.poll(() => answers(url), { timeout: 10_000 }).toBe(false);
  expect(existsSync(folder)).toBe(false);
});
