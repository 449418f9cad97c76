import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { loadConfig } from '../../src/config/load.ts';
import { LastSeen } from '../../src/daemon/last-seen.ts';
import { Metrics } from '../../src/daemon/metrics.ts';
import { folder } from '../cli/exportd.ts';

const inRepo = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

function documents(path: string): Record<string, unknown>[] {
  return parseAllDocuments(inRepo(path)).map((document) => {
    expect(document.errors).toEqual([]);
    return document.toJS() as Record<string, unknown>;
  });
}

describe('deploy/', () => {
  test('the config of compose is a valid one', () => {
    const env = {
      CLICKHOUSE_URL: 'http://clickhouse:8123',
      CLICKHOUSE_USER: 'u',
      CLICKHOUSE_PASSWORD: 'p',
      CLICKHOUSE_DATABASE: 'd',
    };
    const path = new URL('../../deploy/exportd', import.meta.url).pathname;
    expect(loadConfig(path, { env, needAll: true }).jobs).toHaveLength(1);
  });

  test.each(['deploy/serve', 'deploy/kubernetes/serve.yaml'])('the config of the API in %s is a valid one', (path) => {
    const [first] = path.endsWith('.yaml') ? documents(path) : [];
    const text = (first as { data: Record<string, string> } | undefined)?.data['exportd.yaml'];
    using place = folder({ 'exportd.yaml': text ?? inRepo(`${path}/exportd.yaml`) });
    const env = { CLICKHOUSE_URL: 'http://c:8123', CLICKHOUSE_USER: 'u', CLICKHOUSE_DATABASE: 'd' };
    expect(loadConfig(place.at('exportd.yaml'), { env }).usageApi?.listen).toEqual({ host: '0.0.0.0', port: 8787 });
  });

  test('the config of the Kubernetes ConfigMap is a valid one', () => {
    const map = documents('deploy/kubernetes/daemon.yaml').find(({ kind }) => kind === 'ConfigMap') as {
      data: Record<string, string>;
    };
    using place = folder({ 'exportd.yaml': map.data['exportd.yaml'] ?? '' });
    expect(loadConfig(place.at('exportd.yaml'), { env: {} }).jobs).toHaveLength(1);
  });

  test.each([
    'deploy/compose.yaml',
    'deploy/kubernetes/daemon.yaml',
    'deploy/kubernetes/cronjob.yaml',
    'deploy/kubernetes/serve.yaml',
    'deploy/prometheus-rules.yaml',
  ])('%s is YAML', (path) => {
    expect(documents(path).length).toBeGreaterThan(0);
  });

  test('every metric of the alert rules is one that the daemon has', async () => {
    const metrics = new Metrics(new LastSeen(), () => 0);
    const text = await metrics.text();
    const named = new Set(inRepo('deploy/prometheus-rules.yaml').match(/exportd_[a-z_]+/g));
    expect(named.size).toBeGreaterThan(3);
    for (const name of named) expect(text).toContain(name);
  });

  test('the image starts the daemon, takes any command, and has nothing to do with root', () => {
    const lines = inRepo('Dockerfile').split('\n');
    expect(lines).toContain('ENTRYPOINT ["node", "/exportd/dist/main.js"]');
    expect(lines).toContain('CMD ["start"]');
    expect(lines).toContain('USER node');
  });
});
