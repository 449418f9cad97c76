/** One warehouse's suite of its own, beside `npm test`. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const VITEST = fileURLToPath(new URL('../../node_modules/vitest/vitest.mjs', import.meta.url));

/** `vitest.NAME.config.ts`, with the words given. Returns its exit code. */
export async function runSuite(
  name: string,
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<number> {
  return await run(process.execPath, [VITEST, 'run', '--config', `vitest.${name}.config.ts`, ...words], env);
}

/**
 * The suite on the warehouse's emulator, then every statement that it sent is parsed by `test/engines/NAME/parse.py`.
 * `--dump-sql FILE` keeps them, one JSON object a line. All other words are vitest's. `install` returns the Python that
 * parses. Returns the exit code.
 */
export async function runSuiteAndParse(
  name: string,
  install: () => Promise<string>,
  words: readonly string[],
): Promise<number> {
  const rest = [...words];
  const at = rest.indexOf('--dump-sql');
  const [, kept] = at === -1 ? [] : rest.splice(at, 2);
  const temporary = await mkdtemp(join(tmpdir(), 'exportd-sql-'));
  const dump = kept === undefined ? join(temporary, 'statements.jsonl') : resolve(kept);
  rmSync(dump, { force: true });
  const python = await install();
  const tested = await runSuite(name, rest, { EXPORTD_DUMP_SQL: dump });
  const parser = fileURLToPath(new URL(`../engines/${name}/parse.py`, import.meta.url));
  const parsed = existsSync(dump) ? await run(python, [parser, dump]) : 1;
  await rm(temporary, { recursive: true });
  return tested || parsed;
}

async function run(
  program: string,
  given: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<number> {
  const child = spawn(program, given, { stdio: 'inherit', env: { ...process.env, ...env } });
  const [code] = await once(child, 'exit');
  return code ?? 1;
}
