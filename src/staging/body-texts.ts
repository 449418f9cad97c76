import { matchingName } from '../core/columns.ts';
import type { ColumnType } from '../core/words.ts';
import { quoteName, quoteText } from '../duckdb/engine.ts';
import type { Body } from '../sources/source.ts';

/** Bodies of one header: one statement reads them all. */
export interface BodyGroup {
  /** What each field of a record is, in the files' order. */
  readonly names: readonly string[];
  readonly hasHeader: boolean;
  readonly bodies: readonly Body[];
  readonly reading: Reading;
  /** Of Parquet: the types of its columns, in the order of `names`. undefined: CSV. */
  readonly types?: readonly ColumnType[] | undefined;
}

/** How DuckDB must read bodies that it cannot read as it usually does. */
export interface Reading {
  /** Bytes of the longest record, where it is longer than DuckDB reads by default. */
  readonly longestRecord?: number | undefined;
  /** On one thread: rows can be numbered, and no thread begins in the middle of a value. */
  readonly inOrder?: boolean | undefined;
  /** Records may lack their last fields. */
  readonly isRagged?: boolean | undefined;
}

/** DuckDB's default `max_line_size`; its buffer is a multiple of it. */
export const USUAL_RECORD = 2_000_000;

/** Bytes after which DuckDB gives a CSV file to a second thread, which then takes a line end in quotes for a row's. */
export const SHARED_FILE = 8_000_000;

export interface BodyTexts {
  /** A FROM clause: one row a record, with `filename`. */
  readonly from: string;
  /** A column's text, as an SQL expression. undefined: the bodies have no such column. */
  text(name: string): string | undefined;
  /** A column's value as it is, of Parquet alone; undefined: the bodies have no such column, or have texts. */
  typed(name: string): { readonly value: string; readonly type: ColumnType } | undefined;
  /** True, as an SQL expression, where a row has the column twice, in two spellings. undefined: no row can. */
  twice(name: string): string | undefined;
}

/** Fields of a record at least: a line without a comma could be an empty one, which DuckDB takes for no record. */
const FEWEST_FIELDS = 2;

/**
 * Every field of the bodies as text. Fields are named by their place, so that no name of an export is ever a name here.
 * A header has each name once; keys of JSON rows may be spelled in several ways, one a row.
 */
export function bodyTexts(group: BodyGroup): BodyTexts {
  return group.types === undefined ? csvTexts(group) : parquetTexts(group, group.types);
}

function parquetTexts({ names, bodies }: BodyGroup, types: readonly ColumnType[]): BodyTexts {
  const files = bodies.map((body) => quoteText(body.file.path)).join(', ');
  const typed = (name: string) => {
    const index = names.findIndex((each) => matchingName(each) === matchingName(name));
    const [own, type] = [names[index], types[index]];
    return own === undefined || type === undefined ? undefined : { value: quoteName(own), type };
  };
  return {
    from: `read_parquet([${files}], filename = true)`,
    text(name) {
      const column = typed(name);
      return column === undefined ? undefined : `CAST(${column.value} AS VARCHAR)`;
    },
    typed,
    twice: () => undefined,
  };
}

function csvTexts(group: BodyGroup): BodyTexts {
  const { names, hasHeader } = group;
  const places = Map.groupBy(names.keys(), (index) => matchingName(names[index] ?? ''));
  const values = (name: string) => (places.get(matchingName(name)) ?? []).map((index) => `field${index}`);
  const width = hasHeader ? names.length : Math.max(names.length, FEWEST_FIELDS);
  return {
    from: readCsv(
      group,
      Array.from({ length: width }, (_, index) => `field${index}`),
    ),
    text(name) {
      const all = values(name);
      return all.length < 2 ? all[0] : `coalesce(${all.join(', ')})`;
    },
    typed: () => undefined,
    twice(name) {
      const all = values(name);
      if (all.length < 2) return undefined;
      return `(${all.map((value) => `(${value} IS NOT NULL)::INTEGER`).join(' + ')}) > 1`;
    },
  };
}

function readCsv(group: BodyGroup, columns: readonly string[]): string {
  const files = group.bodies.map((body) => quoteText(body.file.path)).join(', ');
  const types = columns.map((name) => `${name}: 'VARCHAR'`).join(', ');
  const { longestRecord: long, inOrder, isRagged } = group.reading;
  const options = [
    'auto_detect = false',
    `delim = ',', quote = '"', escape = '"', allow_quoted_nulls = false`,
    // Without a header the first line end that DuckDB sees may be one within a value.
    ...(group.hasHeader ? ['header = true'] : ['header = false', `new_line = '\\n'`]),
    `columns = {${types}}`,
    'filename = true',
    ...(isRagged === true ? ['null_padding = true'] : []),
    ...(inOrder === true ? ['parallel = false'] : []),
    ...(long === undefined ? [] : [`max_line_size = ${long + 1024}`, `buffer_size = ${2 * long + 65_536}`]),
  ];
  return `read_csv([${files}], ${options.join(', ')})`;
}
