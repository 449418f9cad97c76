import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { figureLines, type Results } from '../../scripts/figures.ts';
import { exportd, folder } from '../cli/exportd.ts';
import { plainUsage } from '../engines/usage-api/plain-usage.ts';
import { startUsageApi } from '../engines/usage-api.ts';

const repo = fileURLToPath(new URL('../../', import.meta.url));
const readme = readFileSync(join(repo, 'README.md'), 'utf8');
const KEY = 'the-api-key-of-a-reader';

test('every command of "A report of your own" works in its order, as it stands there', async () => {
  await using api = await startUsageApi({ keys: { [KEY]: ['USAGE_EXPORT_API'] }, rows: plainUsage({ rows: 2 }) });
  using place = folder();
  const [, block = ''] = /## A report of your own\n\n```sh\n([^`]*)```/.exec(readme) ?? [];
  const commands = block.split('\n').filter((line) => line.startsWith('npx exportd '));
  expect(commands).toHaveLength(6);
  for (const command of commands) {
    const words = command.split(' ').slice(2);
    const said = await exportd(
      words.map((word) => (word === 'my-exports' ? place.at(word) : word)),
      { ODEUS_API_KEY: KEY },
    );
    expect(said, command).toMatchObject({ exit: 0 });
    if (words[0] === 'init') {
      const config = place.at('my-exports/exportd.yaml');
      writeFileSync(config, readFileSync(config, 'utf8').replace('https://api.odeus.ai', api.url));
    }
  }
});

test('the config is valid, and a slip in it is answered as the page shows', async () => {
  const [, config = ''] = /```yaml\n([^`]*)```/.exec(readme) ?? [];
  const [, answer = ''] = /Mistakes are answered where they stand:\n\n```text\n([^`]*)```/.exec(readme) ?? [];
  using place = folder({ 'exportd.yaml': config });
  const validate = () => exportd(['validate', '-c', place.at('exportd.yaml')], { ODEUS_API_KEY: KEY });
  expect(await validate()).toMatchObject({ exit: 0 });
  place.write('exportd.yaml', config.replace('grain: day,', 'grain: daily,'));
  const { exit, stderr } = await validate();
  expect(exit).toBe(2);
  expect(stderr).toContain(answer.replace('my-exports/exportd.yaml', place.at('exportd.yaml')));
});

test('the figures are those of bench/results.json (node scripts/figures.ts writes them)', () => {
  const results = JSON.parse(readFileSync(join(repo, 'bench/results.json'), 'utf8')) as Results;
  expect(readme).toContain(figureLines(results).join('\n'));
});

describe('links', () => {
  const pages = ['README.md', 'CONTRIBUTING.md', 'docs/ledger.md', 'docs/configuration.md'];
  test.each(pages)('of %s lead to files that are there', (page) => {
    const text = readFileSync(join(repo, page), 'utf8');
    const targets = [...text.matchAll(/\]\((?!https?:)([^)#]+)/g)].map(([, target = '']) => target);
    expect(targets.filter((target) => !existsSync(join(repo, page, '..', target)))).toEqual([]);
  });
});

test('the queries of docs/ledger.md run on a ledger', async () => {
  await using api = await startUsageApi({ keys: { [KEY]: ['USAGE_EXPORT_API'] }, rows: plainUsage({ rows: 2 }) });
  using place = folder();
  const env = { ODEUS_API_KEY: KEY };
  await exportd(['init', place.at('c')], env);
  const config = place.at('c/exportd.yaml');
  writeFileSync(config, readFileSync(config, 'utf8').replace('https://api.odeus.ai', api.url));
  await exportd(['run', '-c', config], env);
  const { DuckDBInstance } = await import('@duckdb/node-api');
  const instance = await DuckDBInstance.create(place.at('c/usage.duckdb'));
  const connection = await instance.connect();
  const queries = [...readFileSync(join(repo, 'docs/ledger.md'), 'utf8').matchAll(/```sql\n([^`]*)```/g)];
  const counts = [];
  for (const [, query = ''] of queries) counts.push((await connection.runAndReadAll(query)).currentRowCount);
  connection.closeSync();
  instance.closeSync();
  expect(counts).toEqual([3, 0, 0]);
});
