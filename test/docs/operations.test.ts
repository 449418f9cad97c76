import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { LastSeen } from '../../src/daemon/last-seen.ts';
import { Metrics } from '../../src/daemon/metrics.ts';

const DOC = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8');

test('docs/operations.md names every metric of our own, and no other', async () => {
  const text = await new Metrics(new LastSeen(), () => 0).text();
  const names = [...text.matchAll(/^# HELP (exportd_\w+)/gm)].map(([, name = '']) => name);
  const own = names.filter((name) => !/^exportd_(process|nodejs)_/.test(name));
  const named = new Set([...DOC.matchAll(/`(exportd_\w*[a-z])`/g)].map(([, name]) => name));
  expect([...named].filter((name) => !own.includes(name ?? ''))).toEqual([]);
  expect(own.filter((name) => !named.has(name))).toEqual([]);
});

test('docs/operations.md names every alert of deploy/prometheus-rules.yaml', () => {
  const rules = readFileSync(new URL('../../deploy/prometheus-rules.yaml', import.meta.url), 'utf8');
  for (const [, alert] of rules.matchAll(/alert: (\w+)/g)) expect(DOC).toContain(`\`${alert}\``);
});
