/** `exportd serve` and `exportd keys create` as a person runs them, and clients as third parties write them. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { get } from 'node:http';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { COMPILED, exportd, type Folder, folder, MAIN } from '../cli/exportd.ts';
import type { ClickHouseServer } from '../engines/clickhouse.ts';
import { openStore } from './world.ts';

const curl = async (...words: string[]) => (await promisify(execFile)('curl', ['-sS', ...words])).stdout;

interface Made {
  readonly key: string;
  readonly hash: string;
}

interface Running {
  readonly url: string;
  readonly process: ChildProcess;
  /** Log lines so far. */
  readonly said: () => Record<string, unknown>[];
  readonly ended: Promise<{ readonly exit: number | null; readonly stdout: string; readonly stderr: string }>;
  until(fields: object): Promise<void>;
}

const PASSWORD = 'the-password-of-the-store';
const SIGNING_KEY = 'the-signing-key-of-this-server';
const JANUARY = `{
        "from": {
          "date": "2024-01-01T00:00:00.000",
          "timezone": "UTC"
        },
        "to": {
          "date": "2024-01-31T23:59:59.999",
          "timezone": "UTC"
        }
      }`;

let store: ClickHouseServer;
let place: Folder;
let made: Made;
const children: ChildProcess[] = [];

beforeAll(async () => {
  store = await openStore({
    profiles: { reader: { readonly: 1 } },
    users: { serve: { password: PASSWORD, profile: 'reader', grants: ['GRANT SELECT ON default.*'] } },
  });
  await store.query(`INSERT INTO workspaces (org_id, name) VALUES ('acme', 'Acme')`);
  await store.query(
    `INSERT INTO users (org_id, user_id, name, email) VALUES ('acme', 'u1', 'Ada', 'ada@acme.example')`,
  );
  await store.query(
    `INSERT INTO usage_events (org_id, ts, user_id, assistant_id, model_id) VALUES
     ('acme', '2024-01-01 00:00:00', 'u1', 'a1', 'm'), ('acme', '2024-01-31 23:59:59.999', 'u1', 'a1', 'm')`,
  );
}, 60_000);
afterAll(async () => await store[Symbol.asyncDispose]());
beforeEach(async () => {
  place = folder();
  made = await makeKey('reporting');
});
afterEach(() => {
  for (const child of children) if (child.exitCode === null) child.kill('SIGKILL');
  place[Symbol.dispose]();
});

async function makeKey(name: string): Promise<Made> {
  const { exit, stdout } = await exportd(['keys', 'create', name, '--workspace', 'acme', '-o', 'json']);
  expect(exit).toBe(0);
  return JSON.parse(stdout) as Made;
}

function configure(keys: readonly Made[], more = ''): void {
  const entries = keys.map(
    ({ hash }, n) => `    - { name: key${n}, workspace: acme, hash: "${hash}", scopes: [USAGE_EXPORT_API] }`,
  );
  place.write(
    'exportd.yaml',
    `version: 1
usage_api:
  listen: 127.0.0.1:0
  clickhouse: { url: "${store.url}", database: default, username: serve, password: "\${STORE_PASSWORD}" }
  signing_key: ${SIGNING_KEY}
  files_dir: ./exports
  history: null
${more}
  keys:
${entries.join('\n')}
`,
  );
}

async function start(): Promise<Running> {
  const child = spawn(process.execPath, [MAIN, 'serve', '--config', place.at('exportd.yaml')], {
    env: { PATH: process.env.PATH, NODE_COMPILE_CACHE: COMPILED, STORE_PASSWORD: PASSWORD },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (piece: string) => (stdout += piece));
  child.stderr.setEncoding('utf8').on('data', (piece: string) => (stderr += piece));
  const ended = once(child, 'close').then(() => ({ exit: child.exitCode, stdout, stderr }));
  const said = () =>
    stdout
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  const until = (fields: object) =>
    vi.waitFor(() => expect(said()).toContainEqual(expect.objectContaining(fields)), { timeout: 20_000, interval: 20 });
  await Promise.race([
    until({ event: 'listening' }),
    ended.then((end) => expect.unreachable(`it ended: ${end.stderr}`)),
  ]);
  const url = String(said().find(({ event }) => event === 'listening')?.url);
  return { url, process: child, said, ended, until };
}

describe('exportd keys create', () => {
  test('shows a key once, and for the YAML its hash alone', async () => {
    const { exit, stdout } = await exportd(['keys', 'create', 'reporting', '--workspace', 'acme']);
    expect(exit).toBe(0);
    const [, key = ''] = /^ {2}(exportd_[\w-]{43})$/m.exec(stdout) ?? [];
    expect(key).not.toBe('');
    const [, line = ''] = /^ {2}- (\{.*\})$/m.exec(stdout) ?? [];
    expect(line).toMatch(
      /^\{ name: "reporting", workspace: "acme", hash: "sha256:[0-9a-f]{64}", scopes: \[USAGE_EXPORT_API\] \}$/,
    );
    expect(line).not.toContain(key);
    expect((await makeKey('reporting')).key).not.toBe(made.key);
  });

  test('needs a workspace', async () => {
    const { exit, stderr } = await exportd(['keys', 'create', 'reporting']);
    expect([exit, stderr]).toEqual([2, expect.stringContaining('--workspace')]);
  });
});

describe('exportd serve', () => {
  test("answers the seed's own curl, and its download, with a store user who may only read", async () => {
    configure([made]);
    const { url, until, said } = await start();
    for (const name of ['assistants', 'users']) {
      const answer = JSON.parse(
        await curl(
          ...['-X', 'POST', `${url}/export/${name}`],
          ...['-H', `Authorization: Bearer ${made.key}`],
          ...['-H', 'Content-Type: application/json'],
          ...['-d', JANUARY],
        ),
      );
      expect(answer).toMatchObject({ success: true, data: { dataType: name, recordCount: 1 } });
      expect(answer.data.dateRange).toEqual({ from: '2024-01-01T00:00:00.000', to: '2024-01-31T23:59:59.999' });
      expect(await curl(answer.data.downloadUrl)).toMatch(
        /^period_start,period_end,org_id,[^\n]*\r\n2024-01-01,2024-01-31,"acme",/,
      );
    }
    await until({ event: 'export', data_type: 'users' });
    expect(said().find(({ data_type }) => data_type === 'users')).toMatchObject({
      level: 'info',
      key: 'key0',
      workspace: 'acme',
      from: '2024-01-01T00:00:00.000Z',
      to: '2024-01-31T23:59:59.999Z',
      format: 'csv',
      outcome: 'exported',
      row_count: 1,
    });
  });

  test('serves a client that takes the default route, dates with Z, the URL without the key and headers in any case', async () => {
    configure([made]);
    const { url } = await start();
    const body = JSON.stringify({
      from: { date: '2024-01-01T00:00:00Z', timezone: 'Europe/London' },
      to: { date: '2024-01-31T23:59:59.999Z', timezone: 'Europe/London' },
      group_by: 'model',
    });
    const response = await fetch(`${url}/export/agents`, {
      method: 'POST',
      headers: { AUTHORIZATION: `bearer ${made.key}`, 'CONTENT-TYPE': 'application/json; charset=UTF-8' },
      body,
    });
    const { data } = (await response.json()) as { data: { downloadUrl: string; recordCount: number } };
    const lines = await new Promise<{ type: string | undefined; body: string }>((resolve, reject) => {
      get(data.downloadUrl, (answer) => {
        const names = Object.fromEntries(
          Object.entries(answer.headers).map(([name, value]) => [name.toUpperCase(), value]),
        );
        text(answer).then((all) => resolve({ type: String(names['CONTENT-TYPE']), body: all }), reject);
      }).on('error', reject);
    });
    expect(lines.type).toBe('text/csv; charset=utf-8');
    expect(lines.body.trimEnd().split('\r\n')).toHaveLength(1 + data.recordCount);
  });

  test('reads its keys again when the file changes, and at SIGHUP; a broken file changes nothing', async () => {
    const next = await makeKey('next');
    configure([made]);
    const running = await start();
    const ask = async ({ key }: Made) =>
      (
        await fetch(`${running.url}/export/users/json`, {
          method: 'POST',
          headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
          body: JANUARY,
        })
      ).status;
    expect([await ask(made), await ask(next)]).toEqual([200, 401]);
    configure([next], '  rate_limit: 3/min\n  path_prefix: /elsewhere');
    running.process.kill('SIGHUP');
    await running.until({ event: 'config.loaded' });
    expect([await ask(made), await ask(next), await ask(next), await ask(next)]).toEqual([401, 200, 200, 429]);
    expect(running.said()).toContainEqual(expect.objectContaining({ event: 'config.kept', keys: ['path_prefix'] }));
    place.write('exportd.yaml', 'version: 1\nusage_api: { keys: 5 }\n');
    running.process.kill('SIGHUP');
    await running.until({ event: 'config.broken' });
    expect([await ask(made), await ask(next)]).toEqual([401, 429]);
  });

  test('ends at SIGTERM with 0 once what is in hand has been sent, and says nothing secret and nothing of anybody all the while', async () => {
    await store.query(
      `INSERT INTO usage_events (org_id, ts, user_id, model_id)
       SELECT 'acme', toDateTime64('2024-06-01 00:00:00', 6, 'UTC'), 'person ' || number, 'm' FROM numbers(30000)`,
    );
    configure([made]);
    const { url, process: server, ended } = await start();
    const year = JANUARY.replace('2024-01-31', '2024-12-31');
    const response = await fetch(`${url}/export/users/json`, {
      method: 'POST',
      headers: { authorization: `Bearer ${made.key}`, 'content-type': 'application/json' },
      body: year,
    });
    server.kill('SIGTERM');
    await expect
      .poll(
        async () =>
          await fetch(`${url}/healthz`).then(
            () => 'up',
            () => 'down',
          ),
      )
      .toBe('down');
    const { metadata } = (await response.json()) as { metadata: { recordCount: number } };
    expect(metadata.recordCount).toBe(30_001);
    const { exit, stdout, stderr } = await ended;
    expect([exit, stderr]).toEqual([0, '']);
    expect(stdout).toContain('"row_count":30001');
    for (const secret of [made.key, PASSWORD, SIGNING_KEY, 'ada@acme.example', 'person 1'])
      expect(stdout).not.toContain(secret);
  });

  test('says in the config which variable or key is missing, and ends with 2', async () => {
    configure([made]);
    const config = ['--config', place.at('exportd.yaml')];
    const unset = await exportd(['serve', ...config]);
    expect([unset.exit, unset.stderr]).toEqual([2, expect.stringContaining('variable STORE_PASSWORD is not set')]);
    place.write('exportd.yaml', readFileSync(place.at('exportd.yaml'), 'utf8').replace(/ {2}signing_key.*\n/, ''));
    const unsigned = await exportd(['serve', ...config], { STORE_PASSWORD: PASSWORD });
    expect([unsigned.exit, unsigned.stderr]).toEqual([2, expect.stringContaining('signing_key is missing')]);
    place.write('exportd.yaml', 'version: 1\njobs: {}\n');
    const none = await exportd(['serve', ...config]);
    expect([none.exit, none.stderr]).toEqual([2, expect.stringContaining('the config has no section usage_api')]);
  });
});
