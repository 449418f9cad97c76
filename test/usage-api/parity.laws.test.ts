/** The API and the direct source give the same rows: one SQL, three ways out of it, read by the daemon's own strict rules. */
import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DATA_TYPES, GROUPINGS, reportName } from '../../src/core/contract.ts';
import { wallClock } from '../../src/core/local-time.ts';
import { readRequest } from '../../src/core/request.ts';
import type { Report } from '../../src/core/words.ts';
import { reportQuery } from '../../src/usage-store/index.ts';
import { readWorkspace } from '../../src/usage-store/workspace.ts';
import type { ClickHouseServer } from '../engines/clickhouse.ts';
import { full } from '../faults/rounds.ts';
import { type Given, type Lab, openLab } from '../staging/lab.ts';
import { storeClient } from '../usage-store/client.ts';
import { someUsage, store } from '../usage-store/some-usage.ts';
import { apiKey, openStore, openWorld, type World } from './world.ts';

const REPORTS: readonly Report[] = DATA_TYPES.flatMap((dataType) =>
  [undefined, ...GROUPINGS[dataType]].map((groupBy) => ({ dataType, groupBy })),
);
const ZONES = ['UTC', 'Europe/Berlin', 'America/Havana', 'Australia/Lord_Howe', 'Asia/Kathmandu', 'Pacific/Apia'];
/** Havana changes its clocks on the first, Berlin on the second, Lord Howe a week later. */
const EARLIEST = Date.parse('2026-03-07T12:00:00.000Z');
const LATEST = Date.parse('2026-04-06T12:00:00.000Z');

let server: ClickHouseServer;
let api: World;
let lab: Lab;
beforeAll(async () => {
  server = await openStore();
  api = await openWorld(server, { config: { concurrency: 2 } });
  lab = await openLab();
});
afterAll(async () => {
  expect(api.bugs).toEqual([]);
  await lab[Symbol.asyncDispose]();
  await api[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

const bound = fc.record({ at: fc.integer({ min: EARLIEST, max: LATEST }), timezone: fc.constantFrom(...ZONES) });
const around = (at: number) => [-1n, 0n, 999n, 1000n].map((micros) => BigInt(at) * 1000n + micros);
const asked = fc
  .tuple(bound, bound)
  .map(([a, b]) => (a.at <= b.at ? { from: a, to: b } : { from: b, to: a }))
  .chain(({ from, to }) => {
    const written = ({ at, timezone }: typeof from) => ({ date: wallClock(at, timezone), timezone });
    const usage = someUsage([...around(from.at), ...around(to.at), BigInt(Math.floor((from.at + to.at) / 2)) * 1000n]);
    return fc.record({ from: fc.constant(written(from)), to: fc.constant(written(to)), usage });
  });

async function directly({ dataType, groupBy }: Report, workspace: string, { from, to }: { from: number; to: number }) {
  const settings = await readWorkspace(storeClient(server), workspace);
  const { sql, parameters } = reportQuery({ report: { dataType, groupBy }, from, to, workspace, settings });
  const search = new URLSearchParams(
    Object.fromEntries(Object.entries(parameters).map(([name, value]) => [`param_${name}`, `${value}`])),
  );
  const response = await fetch(`${server.url}/?${search}`, { method: 'POST', body: `${sql} FORMAT Parquet` });
  expect(response.status).toBe(200);
  return Buffer.from(await response.arrayBuffer());
}

test('CSV, JSON and the store itself bring the same rows: every report, any two timezones, BYOK and privacy', async () => {
  const settings = fc.record({ userLevelData: fc.boolean(), leaderboards: fc.boolean(), byok: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(asked, settings, async ({ from, to, usage }, chosen) => {
      const org = randomUUID();
      await store(server, { org, ...chosen }, usage);
      api.api.reconfigure({ ...api.config, keys: [apiKey(org)] });
      const { start, end } = readRequest({ from, to });
      for (const report of REPORTS.filter(({ groupBy }) => groupBy !== 'deployment' || chosen.byok)) {
        const body = { from, to, ...(report.groupBy && { group_by: report.groupBy }) };
        const ask = (format: string) => api.post(`/export/${report.dataType}/${format}`, body, { workspace: org });
        const [csv, json] = await Promise.all([ask('csv'), ask('json')]);
        const parquet = await directly(report, org, { from: start, to: end - 1 });
        const given: Given[] = [{ parquet }];
        if (json.status === 200) {
          const file = await api.get(csv.json.data.downloadUrl);
          given.push({ csv: file.text, declared: csv.json.data.recordCount });
          given.push({ answer: Buffer.from(json.text), declared: json.json.metadata.recordCount });
        }
        await using staged = await lab.stage(given, { report });
        const seen = staged.loads.map(({ rows, fingerprint, totals, problem }) => ({
          rows,
          fingerprint,
          totals,
          problem,
        }));
        if (json.status === 404) expect([csv.status, seen[0]?.rows], reportName(report)).toEqual([404, 0]);
        else expect(seen, reportName(report)).toEqual(Array(3).fill({ ...seen[0], problem: undefined }));
      }
    }),
    { numRuns: full ? 25 : 1 },
  );
});
