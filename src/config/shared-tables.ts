import { matchingName } from '../core/columns.ts';
import { reportName } from '../core/contract.ts';
import type { Job, SourceKey } from '../core/words.ts';
import type { Place } from './config-file.ts';
import { find, pointAt } from './navigate.ts';
import { type Problem, problem } from './problems.ts';
import type { Entry } from './tree.ts';

/** A job, where it is written, and which table of which physical destination it fills. */
export interface Writer {
  readonly owner: Entry;
  readonly job: Job;
  /** Equal for two destinations that are one: the same file and schema. */
  readonly physical: string;
  /** False where hash_key comes from a variable that is not set: nothing can be said of it. */
  readonly hashKeyKnown: boolean;
}

/** What all jobs of one table agree on, as text, with the key that says it. */
const AGREED: readonly { readonly key: readonly string[]; readonly of: (job: Job) => string }[] = [
  { key: ['data_type'], of: (job) => job.report.dataType },
  { key: ['group_by'], of: (job) => job.report.groupBy ?? 'none' },
  { key: ['window', 'grain'], of: (job) => job.window.grain },
  { key: ['window', 'span'], of: (job) => String(job.window.span) },
  { key: ['columns', 'drop'], of: (job) => listOf(job.table.rules.drop) },
  { key: ['columns', 'hash'], of: (job) => listOf(job.table.rules.hash) },
  { key: ['columns', 'rename'], of: (job) => mapOf(job.table.rules.rename) },
  { key: ['columns', 'types'], of: (job) => mapOf(job.table.rules.types) },
  { key: ['schema'], of: (job) => job.table.schema },
  { key: ['cluster_by'], of: (job) => `[${job.table.clusterBy.join(', ')}]` },
];

/**
 * Jobs that fill one table must agree on what its rows are, and on the timezone of a source that they share; sources that
 * feed one table have different keys. Each difference is shown at both places.
 */
export function checkSharedTables(writers: readonly Writer[]): Problem[] {
  const tables = new Map<string, Writer[]>();
  for (const writer of writers) {
    const table = `${writer.physical}\0${writer.job.table.name}`;
    const sharing = tables.get(table);
    if (sharing === undefined) tables.set(table, [writer]);
    else sharing.push(writer);
  }
  return [...tables.values()].flatMap((sharing) => [...checkAgreement(sharing), ...checkSources(sharing)]);
}

function checkAgreement([first, ...others]: readonly Writer[]): Problem[] {
  if (first === undefined) return [];
  return others.flatMap((other) => {
    const differs = AGREED.filter(({ of }) => of(other.job) !== of(first.job)).map(({ key, of }) =>
      difference(other, first, key, `${of(other.job)} here, ${of(first.job)} there`),
    );
    const hashing =
      other.hashKeyKnown && first.hashKeyKnown && other.job.table.hashKey?.id !== first.job.table.hashKey?.id;
    return hashing ? [...differs, difference(other, first, ['hash_key'], 'another key there')] : differs;
  });
}

function difference(other: Writer, first: Writer, key: readonly string[], detail: string): Problem {
  const [a, b, table] = [other.job.name, first.job.name, other.job.table.name];
  const hint =
    reportName(other.job.report) === reportName(first.job.report)
      ? 'make them agree, or use another table'
      : 'use another table';
  return problem(
    placeIn(other, key),
    `${key.join('.')}: jobs ${a} and ${b} fill one table, ${table}, but differ: ${detail}; ${hint}`,
    {
      place: placeIn(first, key),
      note: b,
    },
  );
}

/** Of one table: a source's timezone is the same in all jobs, and a key is one source's. */
function checkSources(sharing: readonly Writer[]): Problem[] {
  const seen = new Map<SourceKey, { readonly writer: Writer; readonly source: string }>();
  const problems: Problem[] = [];
  for (const writer of sharing) {
    for (const { key, name } of writer.job.sources) {
      const before = seen.get(key);
      if (before === undefined) {
        seen.set(key, { writer, source: name });
        continue;
      }
      const other = { place: placeIn(before.writer, ['source']), note: before.source };
      if (before.source !== name) {
        const message = `source: ${name} and ${before.source} have one key, ${key}, and feed one table, ${writer.job.table.name}: their rows would replace each other; give one another key`;
        problems.push(problem(placeIn(writer, ['source']), message, other));
      } else if (before.writer.job.timezone !== writer.job.timezone) {
        const detail = `source ${name} is in ${writer.job.timezone} here, in ${before.writer.job.timezone} there`;
        problems.push(difference(writer, before.writer, ['timezone'], detail));
      }
    }
  }
  return problems;
}

/** Where a job says this; where it does not, its name. */
function placeIn({ owner }: Writer, key: readonly string[]): Place {
  const found = find(owner, key);
  return found.value === undefined ? owner.keyPlace : pointAt(found);
}

function listOf(names: readonly string[]): string {
  return `[${[...new Set(names.map(matchingName))].sort().join(', ')}]`;
}

function mapOf(map: ReadonlyMap<string, string>): string {
  const entries = [...map].map(([name, value]) => `${matchingName(name)}: ${value}`).sort();
  return `{ ${entries.join(', ')} }`;
}
