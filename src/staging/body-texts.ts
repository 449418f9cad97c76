import { matchingName } from '../core/columns.ts';
import { quoteName, quoteText } from '../duckdb/engine.ts';
import type { Body } from '../sources/source.ts';

/** Bodies of one format and one header: one statement reads them all. */
export interface BodyGroup {
  readonly format: 'csv' | 'ndjson';
  /** CSV: in the file's order. NDJSON: every key that any row has. */
  readonly names: readonly string[];
  readonly bodies: readonly Body[];
  readonly reading: Reading;
}

/** How DuckDB must read bodies that it cannot read as it usually does. */
export interface Reading {
  /** Bytes of the longest record, where it is longer than DuckDB reads by default. */
  readonly longestRecord?: number | undefined;
  /** On one thread: rows can be numbered, and no thread begins in the middle of a value. */
  readonly inOrder?: boolean | undefined;
}

/** DuckDB's default `max_line_size`; its buffer is a multiple of it. */
export const USUAL_RECORD = 2_000_000;

export interface BodyTexts {
  /** A FROM clause: one row a record, with `filename`. */
  readonly from: string;
  /** A column's text, as an SQL expression. undefined: the bodies have no such column. */
  text(name: string): string | undefined;
  /** True, as an SQL expression, where a row has the column twice, in two spellings. undefined: no row can. */
  twice(name: string): string | undefined;
  /** True, as an SQL expression, where DuckDB cannot take a row apart. undefined: that is found out byte by byte. */
  readonly unreadable: string | undefined;
}

/** Every field of the bodies as text. */
export function bodyTexts(group: BodyGroup): BodyTexts {
  return group.format === 'csv' ? csvTexts(group) : ndjsonTexts(group);
}

function csvTexts(group: BodyGroup): BodyTexts {
  // Fields are named by their place, so that no name of an export is ever a name here.
  const place = new Map(group.names.map((name, index) => [matchingName(name), `field${index}`]));
  return {
    from: readCsv(
      group,
      [...place.values()],
      `header = true, delim = ',', quote = '"', escape = '"', allow_quoted_nulls = false`,
    ),
    text: (name) => place.get(matchingName(name)),
    twice: () => undefined,
    unreadable: undefined,
  };
}

/**
 * A line is read whole, as one field (no JSON text has a byte 1), and taken apart by json_transform. DuckDB's structs
 * do not tell names apart by case: a second spelling of a name goes into a second struct.
 */
function ndjsonTexts(group: BodyGroup): BodyTexts {
  const spellings = Map.groupBy(group.names, matchingName);
  const structs = Math.max(0, ...[...spellings.values()].map((names) => names.length));
  const transforms = Array.from({ length: structs }, (_, layer) => {
    const names = [...spellings.values()].flatMap((names) => names[layer] ?? []);
    const structure = JSON.stringify(Object.fromEntries(names.map((name) => [name, 'VARCHAR'])));
    return `json_transform(line, ${quoteText(structure)}) AS row${layer}`;
  });
  const lines = readCsv(group, ['line'], `header = false, delim = '\x01', quote = '', escape = ''`);
  const values = (name: string) =>
    (spellings.get(matchingName(name)) ?? []).map((spelling, layer) => `row${layer}.${quoteName(spelling)}`);
  return {
    from: `(SELECT ${['filename', 'line', ...transforms].join(', ')} FROM ${lines} WHERE line IS NOT NULL)`,
    text(name) {
      const all = values(name);
      return all.length < 2 ? all[0] : `coalesce(${all.join(', ')})`;
    },
    twice(name) {
      const all = values(name);
      if (all.length < 2) return undefined;
      return `(${all.map((value) => `(${value} IS NOT NULL)::INTEGER`).join(' + ')}) > 1`;
    },
    unreadable: 'NOT json_valid(line)',
  };
}

function readCsv(group: BodyGroup, columns: readonly string[], dialect: string): string {
  const files = group.bodies.map((body) => quoteText(body.file.path)).join(', ');
  const types = columns.map((name) => `${name}: 'VARCHAR'`).join(', ');
  const { longestRecord: long, inOrder } = group.reading;
  const options = [
    'auto_detect = false',
    dialect,
    `columns = {${types}}`,
    'filename = true',
    ...(inOrder === true ? ['parallel = false'] : []),
    ...(long === undefined ? [] : [`max_line_size = ${long + 1024}`, `buffer_size = ${2 * long + 65_536}`]),
  ];
  return `read_csv([${files}], ${options.join(', ')})`;
}
