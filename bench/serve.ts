/** `exportd serve` beside the same query fetched from ClickHouse as CSV: one export of many rows, many at once, many small ones. */
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Api, openApi } from '../demo/api.ts';
import { type EmptyStore, openStore } from '../demo/store/open.ts';
import type { Report } from '../src/core/words.ts';
import { reportQuery } from '../src/usage-store/index.ts';
import { CACHE, median } from './process.ts';

export interface ServeSize {
  readonly rows: number;
  readonly rounds: number;
  /** Rows of each of the exports that are asked for at once. */
  readonly manyRows: number;
  readonly small: number;
}

const WORKSPACE = 'acme';
const REPORT: Report = { dataType: 'users', groupBy: 'model' };
const ALL = { userLevelData: true, leaderboards: true, byok: true };
/** A day with as many people as there are to be rows; each spoke once. */
const DAYS = { wide: '2026-11-20', many: '2026-11-10', small: '2026-11-01' };
const SMALL_ROWS = 20;

export async function benchServe(size: ServeSize): Promise<unknown> {
  await using store = await openStore();
  await store.client.command(`INSERT INTO workspaces (org_id, name, byok) VALUES ('${WORKSPACE}', 'Wide', true)`);
  await say(store, DAYS.wide, size.rows);
  await say(store, DAYS.many, size.manyRows);
  await say(store, DAYS.small, SMALL_ROWS);
  await using api = await openApi(store, { rate_limit: null, max_scanned_rows: 10_000_000 });
  const memory = peakOf(api.pid);
  const wide = await oneLarge(store, api, size.rounds);
  const wideMemory = memory();
  const many = await manyAtOnce(api, size.manyRows);
  const small = await manySmall(store, api, size.small);
  return {
    [`${size.rows} rows`]: { ...wide, 'server, MB': wideMemory },
    [`50 exports of ${size.manyRows} rows at once`]: { ...many, 'server, MB': memory() },
    [`${size.small} exports of ${SMALL_ROWS} rows`]: small,
  };
}

async function say({ client }: EmptyStore, day: string, people: number): Promise<void> {
  await client.command(
    `INSERT INTO users (org_id, user_id, name, email)
     SELECT '${WORKSPACE}', 'user ' || number, 'Name of ' || number, number || '@wide.example' FROM numbers(${people})`,
  );
  await client.command(
    `INSERT INTO usage_events (org_id, ts, user_id, model_id, assistant_id, cost_usd)
     SELECT '${WORKSPACE}', toDateTime64('${day} 12:00:00', 6, 'UTC'), 'user ' || number, 'm', 'agent ' || number % 20, 0.000001234
     FROM numbers(${people})`,
  );
}

/** Seconds of each side, in turn, all fetched by curl and thrown away; CSV with its download. */
async function oneLarge(store: EmptyStore, api: Api, rounds: number) {
  const bare = bareQuery(store, DAYS.wide);
  const pairs: { bare: number; csv: number; json: number }[] = [];
  for (let round = 0; round < rounds; round++) {
    const seconds = {
      bare: fetchSeconds(bare),
      json: fetchSeconds(exportRequest(api, 'json', DAYS.wide)),
      csv: 0,
    };
    const began = performance.now();
    const { downloadUrl } = await exportCsv(api, DAYS.wide);
    seconds.csv = (performance.now() - began) / 1000 + fetchSeconds([downloadUrl]);
    pairs.push(seconds);
  }
  const of = (side: 'bare' | 'csv' | 'json') => rounded(median(pairs.map((pair) => pair[side])));
  const ratio = (side: 'csv' | 'json') => rounded(median(pairs.map((pair) => pair[side] / pair.bare)));
  return {
    bare: of('bare'),
    csv: of('csv'),
    json: of('json'),
    'csv / bare': ratio('csv'),
    'json / bare': ratio('json'),
  };
}

async function manyAtOnce(api: Api, rows: number) {
  const began = performance.now();
  const counts = await Promise.all(
    Array.from({ length: 50 }, async (_, n) => {
      if (n % 2 === 0) return (await exportCsv(api, DAYS.many)).recordCount;
      const [url = '', ...words] = exportRequest(api, 'json', DAYS.many);
      const { stdout } = spawn('curl', ['-sS', '--fail', url, ...words], { stdio: ['ignore', 'pipe', 'inherit'] });
      let end = '';
      for await (const piece of stdout) end = (end + piece).slice(-200);
      return Number(/"recordCount":(\d+)/.exec(end)?.[1]);
    }),
  );
  if (counts.some((count) => count !== rows)) throw new Error(`an export had other rows than ${rows}: ${counts}`);
  return { seconds: rounded((performance.now() - began) / 1000) };
}

/** Milliseconds of the slowest of a hundred, of each side in turn. */
async function manySmall(store: EmptyStore, api: Api, count: number) {
  const [url = '', ...words] = bareQuery(store, DAYS.small);
  const sql = readFileSync(words.at(-1)?.slice(1) ?? '', 'utf8');
  const times: { bare: number[]; json: number[]; csv: number[] } = { bare: [], json: [], csv: [] };
  const timed = async (into: number[], work: () => Promise<unknown>) => {
    const began = performance.now();
    await work();
    into.push(performance.now() - began);
  };
  for (let n = 0; n < count; n++) {
    await timed(times.bare, async () => await (await fetch(url, { method: 'POST', body: sql })).arrayBuffer());
    await timed(times.json, async () => await (await post(api, 'json', DAYS.small)).arrayBuffer());
    await timed(
      times.csv,
      async () => await (await fetch((await exportCsv(api, DAYS.small)).downloadUrl)).arrayBuffer(),
    );
  }
  const p99 = (all: number[]) => all.toSorted((a, b) => a - b)[Math.ceil(all.length * 0.99) - 1] ?? Number.NaN;
  const [bare, json, csv] = [p99(times.bare), p99(times.json), p99(times.csv)];
  const ms = { 'bare, p99 ms': rounded(bare), 'json, p99 ms': rounded(json), 'csv, p99 ms': rounded(csv) };
  return { ...ms, 'json / bare': rounded(json / bare), 'csv / bare': rounded(csv / bare) };
}

function body(day: string): string {
  const bound = (time: string) => ({ date: `${day}T${time}`, timezone: 'UTC' });
  return JSON.stringify({ from: bound('00:00:00.000'), to: bound('23:59:59.999'), group_by: REPORT.groupBy });
}

/** Words for curl. */
function exportRequest(api: Api, format: string, day: string): string[] {
  const headers = [`Authorization: Bearer ${api.key}`, 'Content-Type: application/json'];
  return [`${api.url}/export/users/${format}`, ...headers.flatMap((header) => ['-H', header]), '-d', body(day)];
}

async function post(api: Api, format: string, day: string): Promise<Response> {
  const headers = { authorization: `Bearer ${api.key}`, 'content-type': 'application/json' };
  const response = await fetch(`${api.url}/export/users/${format}`, { method: 'POST', headers, body: body(day) });
  if (response.ok) return response;
  throw new Error(`${response.status}: ${await response.text()}`);
}

async function exportCsv(api: Api, day: string): Promise<{ downloadUrl: string; recordCount: number }> {
  const { data } = (await (await post(api, 'csv', day)).json()) as {
    data: { downloadUrl: string; recordCount: number };
  };
  return data;
}

/** The same query, as ClickHouse's own CSV. */
function bareQuery(store: EmptyStore, day: string): string[] {
  const from = Date.parse(day);
  const query = reportQuery({ report: REPORT, from, to: from + 86_399_999, workspace: WORKSPACE, settings: ALL });
  const folder = join(CACHE, 'work');
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `serve-${day}.sql`);
  writeFileSync(file, `${query.sql} FORMAT CSVWithNames`);
  const url = new URL(store.url);
  url.searchParams.set('database', store.database);
  for (const [name, value] of Object.entries(query.parameters)) url.searchParams.set(`param_${name}`, String(value));
  return [url.href, '--data-binary', `@${file}`];
}

function fetchSeconds(words: readonly string[]): number {
  const options = ['-sS', '--fail', '-o', '/dev/null', '-w', '%{time_total}'];
  return Number(execFileSync('curl', [...options, ...words], { encoding: 'utf8' }));
}

/** The most memory that a process ever had, in MB, as the kernel counts it. */
function peakOf(pid: number): () => number {
  return () => Math.round(Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024);
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
