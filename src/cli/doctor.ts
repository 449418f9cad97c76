import { openApp } from '../app.ts';
import { TZDB_VERSION } from '../core/zones.ts';
import type { Examined } from '../doctor.ts';
import { VERSION } from '../version.ts';
import type { CommandContext, Exit } from './command.ts';
import { errorDocument } from './error-text.ts';
import { needEverything, readConfig } from './jobs.ts';
import type { Paint } from './output.ts';
import { printable } from './table.ts';

/** `exportd doctor`: reaches everything that the config names, says what is missing, and changes nothing that stays. */
export async function doctor(context: CommandContext): Promise<Exit> {
  const { clock, output, stop } = context;
  const config = readConfig(context);
  needEverything(config);
  const runtime = { version: VERSION, node: process.versions.node, tz_database: process.versions.tz };
  await using app = await openApp({ config, clock, emit: () => undefined, concurrency: undefined });
  const findings: Examined[] = [];
  const { paint } = output;
  if (output.format === 'text') await output.print([runtimeLine(runtime)]);
  for await (const found of app.examine(stop)) {
    findings.push(found);
    if (output.format === 'text') await output.print(findingLines(found, findings.at(-2), paint));
  }
  const failed = findings.filter(({ ok }) => !ok).length;
  if (output.format === 'json') {
    await output.document({ ...runtime, zones_of: TZDB_VERSION, findings: findings.map(findingDocument) });
  } else await output.print(['', lastLine(failed, paint)]);
  return failed === 0 ? 0 : 1;
}

interface Runtime {
  readonly version: string;
  readonly node: string;
  readonly tz_database: string | undefined;
}

function runtimeLine({ version, node, tz_database: tz }: Runtime): string {
  const names = tz === TZDB_VERSION ? '' : `; exportd knows the names of ${TZDB_VERSION}`;
  return `exportd ${version}, Node ${node}, tz database ${tz ?? 'unknown'}${names}`;
}

function* findingLines(found: Examined, before: Examined | undefined, paint: Paint): Generator<string> {
  if (found.of !== before?.of || found.name !== before.name) {
    yield '';
    yield paint('bold', found.of === 'process' ? found.name : `${found.of} ${found.name}`);
  }
  const { what, ok, detail, error } = found;
  const mark = ok ? paint('green', '  ok    ') : paint('red', '  failed');
  yield `${mark}  ${printable(what)}${detail === undefined ? '' : `: ${printable(detail)}`}`;
  if (error === undefined) return;
  yield `          ${error.code}: ${printable(error.message)}`;
  if (error.hint !== undefined) yield `          ${paint('cyan', 'hint:')} ${printable(error.hint)}`;
}

function findingDocument({ of, name, what, ok, detail, error }: Examined) {
  return {
    of,
    name,
    what,
    ok,
    detail: detail ?? null,
    error: error === undefined ? null : errorDocument(error),
  };
}

function lastLine(failed: number, paint: Paint): string {
  if (failed === 0) return paint('green', 'Everything that the config names can be reached.');
  return paint('red', `${failed} ${failed === 1 ? 'check' : 'checks'} failed.`);
}
