/**
 * `npm run test:bigquery`: the suite on the emulator, then every statement that it sent is parsed as GoogleSQL.
 * `--dump-sql FILE` keeps them, one JSON object a line: `{sql, params, schemas}`. All other words are vitest's.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installBigQuery } from '../engines/bigquery.ts';

const words = process.argv.slice(2);
const at = words.indexOf('--dump-sql');
const [, kept] = at === -1 ? [] : words.splice(at, 2);
const temporary = await mkdtemp(join(tmpdir(), 'exportd-sql-'));
const dump = kept === undefined ? join(temporary, 'statements.jsonl') : resolve(kept);
rmSync(dump, { force: true });

const python = await installBigQuery();
const vitest = fileURLToPath(new URL('../../node_modules/vitest/vitest.mjs', import.meta.url));
const tested = await run(process.execPath, [vitest, 'run', '--config', 'vitest.bigquery.config.ts', ...words]);
const parser = fileURLToPath(new URL('../engines/bigquery/parse.py', import.meta.url));
const parsed = existsSync(dump) ? await run(python, [parser, dump]) : 1;
await rm(temporary, { recursive: true });
process.exit(tested || parsed);

async function run(program: string, given: readonly string[]): Promise<number> {
  const child = spawn(program, given, { stdio: 'inherit', env: { ...process.env, EXPORTD_DUMP_SQL: dump } });
  const [code] = await once(child, 'exit');
  return code ?? 1;
}
