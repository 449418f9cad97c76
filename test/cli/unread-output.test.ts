import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { beforeAll, describe, expect, test } from 'vitest';
import { plainUsage } from '../engines/usage-api/plain-usage.ts';
import { startUsageApi } from '../engines/usage-api.ts';
import { type Folder, folder, frame, MAIN } from './exportd.ts';

/** Runs `exportd WORDS | READER` in bash; the exit codes of both, and what came on stderr. */
async function piped(place: Folder, words: string, reader: string): Promise<{ codes: string; stderr: string }> {
  const line = `"$0" "$1" ${words} | ${reader} > /dev/null; echo "\${PIPESTATUS[@]}"`;
  const shell = spawn('bash', ['-c', line, process.execPath, MAIN], { cwd: place.at('.'), stdio: 'pipe' });
  let [stdout, stderr] = ['', ''];
  shell.stdout.setEncoding('utf8').on('data', (piece) => {
    stdout += piece;
  });
  shell.stderr.setEncoding('utf8').on('data', (piece) => {
    stderr += piece;
  });
  await once(shell, 'close');
  return { codes: stdout.trim(), stderr };
}

describe('output that nobody reads to its end (case e14)', () => {
  let place: Folder;
  beforeAll(() => {
    const rest = 'source: acme, data_type: users, destination: local, timezone: Europe/Berlin, window: yesterday';
    const jobs = Array.from({ length: 2000 }, (_, i) => `  j${i}: { table: t${i}, ${rest} }`);
    place = folder({ 'exportd.yaml': frame({ more: jobs.join('\n') }) });
    return () => place[Symbol.dispose]();
  });

  test('preview | head -3 ends without writing the rest', async () => {
    await using api = await startUsageApi({
      keys: { 'the-api-key-of-acme': ['USAGE_EXPORT_API'] },
      rows: plainUsage({ rows: 5000 }),
    });
    using other = folder({ 'exportd.yaml': frame({ url: api.url }) });
    const { codes, stderr } = await piped(other, 'preview j --limit 100000 -c exportd.yaml', 'head -3');
    expect(codes).toBe('141 0');
    expect(stderr).toBe('');
  });

  test.each([
    ['plan -c exportd.yaml --output json', 'head -c 100'],
    ['plan -c exportd.yaml', 'head -3'],
    ['status -c exportd.yaml', 'true'],
    ['schema', 'head -1'],
    ['--help', 'true'],
  ])('%s | %s ends at once, with 0 or 141 and without a word', async (words, reader) => {
    const { codes, stderr } = await piped(place, words, reader);
    expect(codes).toMatch(/^(0|141) 0$/);
    expect(stderr).toBe('');
  });
});
