import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { ApiMetrics } from '../../src/usage-api/metrics.ts';
import { folder } from '../cli/exportd.ts';

const DOC = readFileSync(new URL('../../docs/usage-export-api.md', import.meta.url), 'utf8');

test('docs/usage-export-api.md names every metric of the API, and no other', async () => {
  const text = await new ApiMetrics().text();
  const own = [...text.matchAll(/^# HELP (exportd_\w+)/gm)].map(([, name]) => name);
  const named = [...DOC.matchAll(/^\| `(exportd_\w+)`/gm)].map(([, name]) => name);
  expect(named.toSorted()).toEqual(own.toSorted());
});

test('its config is a valid one', () => {
  const [, yaml = ''] = /```yaml\n([^`]*)```/.exec(DOC) ?? [];
  using place = folder({ 'exportd.yaml': yaml.replace('sha256:…', `sha256:${'0'.repeat(64)}`) });
  const env = { CLICKHOUSE_PASSWORD: 'p', EXPORTD_SIGNING_KEY: '0123456789abcdef' };
  expect(loadConfig(place.at('exportd.yaml'), { env, needAll: true }).warnings).toEqual([]);
});
