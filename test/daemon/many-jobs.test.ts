/** Many jobs, all due at once. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { folder, frame } from '../cli/exportd.ts';
import { queryFile } from '../e2e/world.ts';
import { plainUsage } from '../engines/usage-api/plain-usage.ts';
import { startUsageApi } from '../engines/usage-api.ts';
import { full } from '../faults/rounds.ts';
import { daemonWorld } from './world.ts';

const CHILD = fileURLToPath(new URL('looks.child.ts', import.meta.url));
const NOW = Date.parse('2026-03-31T10:00:00Z');
const JOBS = full ? 1_000 : 12;
const PER_SECOND = full ? 20 : 8;

test('a daemon keeps the pace of a source with many jobs, and lets the few jobs of another not wait for them (reliability 22)', {
  timeout: full ? 300_000 : 30_000,
}, async () => {
  await using api = await startUsageApi({
    keys: { 'the-api-key-of-acme': ['USAGE_EXPORT_API'], 'the-api-key-of-beta': ['USAGE_EXPORT_API'] },
    historyMonths: null,
    rateLimit: null,
    rows: plainUsage({ rows: 1 }),
  });
  const job = (name: string, source: string) =>
    `  ${name}: { source: ${source}, data_type: models, destination: local, table: ${name}, schedule: "0 0 1 1 *", window: { grain: day } }\n`;
  const acme = Array.from({ length: JOBS }, (_, n) => job(`a${n}`, 'acme'));
  const yaml = frame({
    url: api.url,
    job: 'enabled: false, window: { grain: day }',
    more: `${acme.join('')}${job('b', 'beta')}`,
  })
    .replace('rate_limit: null', `rate_limit: ${PER_SECOND}/s`)
    .replace(
      'destinations:',
      `  beta: { type: export_api, base_url: "${api.url}", api_key: the-api-key-of-beta }\ndestinations:`,
    );
  using place = folder({ 'exportd.yaml': yaml });
  await using world = await daemonWorld(place, NOW);
  await world.look();

  const ended = world.events.flatMap((event) => (event.type === 'job.ended' ? [event.job] : []));
  expect(ended).toHaveLength(JOBS + 1);
  const started = world.events.flatMap((event) => (event.type === 'job.started' ? [event.job] : []));
  expect(started).toHaveLength(JOBS + 1);
  // The last of the config; a place is its own as soon as one is free.
  expect(ended.indexOf('b')).toBeLessThan(JOBS / 2);
  const left = api.requests
    .filter(({ kind, headers }) => kind === 'export' && JSON.stringify(headers).includes('of-acme'))
    .map(({ at }) => at);
  expect(left).toHaveLength(JOBS);
  // A twentieth of a second for the way to where they are seen.
  for (const [n, first] of left.entries()) expect((left[n + PER_SECOND] ?? Infinity) - first).toBeGreaterThan(950);
  const counted = `SELECT count(*), count(DISTINCT table_name) FROM _exportd_loads WHERE outcome = 'loaded'`;
  expect(await queryFile(place.at('out.duckdb'), counted)).toEqual([[String(JOBS + 1), String(JOBS + 1)]]);
});

// Half a minute of looks.
if (full) {
  test('ten thousand jobs are ready within five seconds of CPU, cost nothing while none is due, and leave nothing behind', {
    timeout: 300_000,
  }, async () => {
    const types = ['users', 'agents', 'models', 'projects', 'api-keys'];
    const jobs = Array.from(
      { length: 10_000 },
      (_, n) =>
        `  j${n}: { source: acme, data_type: ${types[n % 5]}, destination: local, on_start: wait, schedule: "${n % 60} ${n % 24} 1 1 *", window: { grain: day } }\n`,
    );
    using place = folder({
      'exportd.yaml': frame({ more: jobs.join('') }).replace('daemon: {', 'daemon: { listen: null,'),
    });
    const { stdout } = await promisify(execFile)(process.execPath, [CHILD, place.at('exportd.yaml'), '10000']);
    const { ready, perLook, rss } = JSON.parse(stdout) as { ready: number; perLook: number; rss: [number, number] };
    console.log(
      `ready ${Math.round(ready)} ms CPU, ${perLook.toFixed(2)} ms a look, RSS ${rss.map((bytes) => Math.round(bytes / 1e6)).join(' → ')} MB`,
    );
    expect(ready).toBeLessThan(5_000);
    expect(rss[1]).toBeLessThan(1.1 * rss[0]);
    // 1 % of the 15 s between two looks.
    expect(perLook).toBeLessThan(150);
  });
}
