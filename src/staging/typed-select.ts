import { type LandingColumn, METADATA_COLUMNS } from '../core/columns.ts';
import type { ColumnType, Instant, LoadId } from '../core/words.ts';
import { quoteName, quoteText } from '../duckdb/engine.ts';
import { DUCKDB_TYPES } from '../duckdb/types.ts';
import type { Body } from '../sources/source.ts';
import { type BodyTexts, bodyTexts } from './body-texts.ts';
import type { LandingGroup } from './group-bodies.ts';
import { typedValue } from './value-rules.ts';

/** What makes a row of a load: the metadata columns come from here. */
export interface Load {
  readonly body: Body;
  readonly loadId: LoadId;
}

/**
 * The rows of all groups as they land, metadata columns included: `columns`, each of which some body has, in their
 * order. A misfit fails the statement: that costs the common road nothing. `mayRound` as in typedValue.
 */
export function typedSelect(
  groups: readonly LandingGroup[],
  loads: readonly Load[],
  columns: readonly LandingColumn[],
  mayRound: string,
): string {
  const texts = groups.filter(({ types }) => types === undefined);
  const selects = [
    ...(texts.length > 0 ? [textRows(texts, columns, mayRound)] : []),
    ...groups.filter(({ types }) => types !== undefined).map((group) => typedRows(group, columns, mayRound)),
  ];
  const names = columns.map(({ name }) => quoteName(name));
  const rows = selects.length === 0 ? noRows(columns) : selects.join('\nUNION ALL\n');
  const [only] = loads;
  if (only !== undefined && loads.length === 1) {
    return `SELECT ${[...names, ...metadata(only).map(({ name, sql }) => `${sql} AS ${name}`)].join(', ')}\nFROM (${rows})`;
  }
  // Names of ours that no column lands as: a column may well be called file or loads.
  const own = names.map((name) => `_exportd_rows.${name}`);
  return `SELECT ${[...own, '_exportd_loads.* EXCLUDE (file)'].join(', ')}
FROM (${rows}) AS _exportd_rows JOIN (${loadsValues(loads)}) AS _exportd_loads ON _exportd_file = _exportd_loads.file`;
}

/** Whose rows they are; under a name that no column lands as, since a column may well be called filename. */
const FILE = 'filename AS _exportd_file';

/**
 * Of groups that have texts. They differ in where a text stands, never in what becomes of it: their texts are put under
 * each other first, so that DuckDB plans the rules once, not once a header.
 */
function textRows(groups: readonly LandingGroup[], columns: readonly LandingColumn[], mayRound: string): string {
  const landed = columns.map(
    (column, index) => `${strictValue(`text${index}`, column, mayRound)} AS ${quoteName(column.name)}`,
  );
  const selects = groups.map((group) => {
    const { from, texts } = groupTexts(group, columns);
    const named = texts.map((text, index) => `${text ?? 'NULL::VARCHAR'} AS text${index}`);
    return `SELECT ${['filename', ...named].join(', ')} FROM ${from}`;
  });
  return `SELECT ${[FILE, ...landed].join(',\n  ')}\nFROM (${selects.join('\nUNION ALL\n')})`;
}

/** Of Parquet: a value that has the type in which it lands is taken as it is, any other goes by its text. */
function typedRows(group: LandingGroup, columns: readonly LandingColumn[], mayRound: string): string {
  const bodies = bodyTexts(group);
  const own = new Map(group.columns.map((column) => [column.name, column.from]));
  const landed = columns.map((column) => {
    const from = own.get(column.name) ?? '';
    const typed = bodies.typed(from);
    const text = bodies.text(from);
    const fits = typed !== undefined && typed.type === column.reads && column.reads === column.type;
    const value =
      text === undefined
        ? `NULL::${DUCKDB_TYPES[column.type]}`
        : fits && TAKEN_AS_IS.has(column.type)
          ? hashedWhereAsked(typed.value, column)
          : strictValue(text, column, mayRound);
    return `${value} AS ${quoteName(column.name)}`;
  });
  return `SELECT ${[FILE, ...landed].join(',\n  ')}\nFROM ${bodies.from}`;
}

/** Types of which every value can land: a double may be infinite, a map's text any text. */
const TAKEN_AS_IS: ReadonlySet<ColumnType> = new Set(['string', 'integer', 'numeric', 'boolean', 'date']);

function noRows(columns: readonly LandingColumn[]): string {
  const nulls = columns.map(({ name, type }) => `NULL::${DUCKDB_TYPES[type]} AS ${quoteName(name)}`);
  return `SELECT ${[`'' AS _exportd_file`, ...nulls].join(', ')} WHERE false`;
}

/** Where a group has the text of each column; undefined where it has none. */
function groupTexts(group: LandingGroup, columns: readonly LandingColumn[]) {
  const texts = bodyTexts(group);
  const own = new Map(group.columns.map((column) => [column.name, column.from]));
  return {
    from: texts.from,
    texts: columns.map(({ name }) => {
      const from = own.get(name) ?? '';
      const text = texts.text(from);
      const twice = texts.twice(from);
      return twice === undefined ? text : `CASE WHEN ${twice} THEN error('twice') ELSE ${text} END`;
    }),
  };
}

/** True, as an SQL expression, where a row's value is none that the column can hold. */
export function isMisfit(texts: BodyTexts, column: LandingColumn): string {
  const text = texts.text(column.from);
  if (text === undefined) return 'false';
  const twice = texts.twice(column.from);
  const misfits = [
    ...(column.reads === 'string' && column.type === 'string'
      ? []
      : [`(${text} <> '' AND ${columnValue(text, column, 'true')} IS NULL)`]),
    ...(twice === undefined ? [] : [`(${twice})`]),
  ];
  return misfits.length === 0 ? 'false' : misfits.join(' OR ');
}

function strictValue(text: string, column: LandingColumn, mayRound: string): string {
  const value = columnValue(text, column, mayRound);
  const strict =
    column.reads === 'string' && column.type === 'string'
      ? value
      : `coalesce(${value}, CASE WHEN ${text} <> '' THEN error('misfit') END)`;
  return hashedWhereAsked(strict, column);
}

function hashedWhereAsked(value: string, column: LandingColumn): string {
  return column.hashed ? `exportd_hmac(${value}, $inner, $outer)` : value;
}

/** The value as it lands, before it is hashed. Where the table has another type: cast to that exactly, or NULL. */
function columnValue(text: string, column: LandingColumn, mayRound: string): string {
  const { reads, type } = column;
  if (type === 'string') return reads === 'string' ? text : `CAST(${typedValue(text, reads)} AS VARCHAR)`;
  if (column.parsed === true) return `exportd_parsed_map(${text})`;
  if (reads === type) return typedValue(text, type, mayRound);
  const value = typedValue(text, type, 'false');
  if (type === 'date') return `CASE WHEN length(${text}) = 10 THEN ${value} END`;
  if (type === 'float' && reads !== 'string') return `CASE WHEN abs(${value}) < ${2 ** 53} THEN ${value} END`;
  return value;
}

/** The metadata of each load beside its file. */
function loadsValues(loads: readonly Load[]): string {
  const names = ['file', ...METADATA_COLUMNS.map(({ name }) => name)].join(', ');
  const rows = loads.map(
    (load) => `(${[quoteText(load.body.file.path), ...metadata(load).map(({ sql }) => sql)].join(', ')})`,
  );
  if (rows.length > 0) return `SELECT * FROM (VALUES ${rows.join(',\n    ')}) AS load(${names})`;
  const none = METADATA_COLUMNS.map(({ name, type }) => `NULL::${DUCKDB_TYPES[type]} AS ${name}`);
  return `SELECT ${["'' AS file", ...none].join(', ')} WHERE false`;
}

/** The metadata columns of a load's rows, as SQL constants of their types. */
function metadata({ body, loadId }: Load): { readonly name: string; readonly sql: string }[] {
  const { period } = body.ask;
  const values: Readonly<Record<(typeof METADATA_COLUMNS)[number]['name'], string>> = {
    _period_key: period.key,
    _period_date: period.date,
    _period_start: iso(period.start),
    _period_end: iso(period.end),
    _source: period.source,
    _load_id: loadId,
    _extracted_at: iso(body.requestedAt),
  };
  return METADATA_COLUMNS.map(({ name, type }) => ({ name, sql: `${quoteText(values[name])}::${DUCKDB_TYPES[type]}` }));
}

function iso(at: Instant): string {
  return new Date(at).toISOString();
}
