import type { LandingColumn } from '../core/columns.ts';
import type { Instant, LoadId } from '../core/words.ts';
import { quoteName, quoteText } from '../duckdb/engine.ts';
import type { Body } from '../sources/source.ts';
import { type BodyTexts, bodyTexts } from './body-texts.ts';
import type { LandingGroup } from './group-bodies.ts';
import { DUCKDB_TYPES, typedValue } from './value-rules.ts';

/** What makes a row of a load: the metadata columns come from here. */
export interface Load {
  readonly body: Body;
  readonly loadId: LoadId;
}

/**
 * The rows of all groups as they land, metadata columns included: `columns` in their order, NULL for those that no body
 * has. A misfit fails the statement: that costs the common road nothing. `mayRound` as in typedValue.
 *
 * Groups differ in where a text stands, never in what becomes of it: their texts are put under each other first, so
 * that DuckDB plans the rules once, not once a header.
 */
export function typedSelect(
  groups: readonly LandingGroup[],
  loads: readonly Load[],
  columns: readonly LandingColumn[],
  mayRound: string,
): string {
  const texts = groups.map((group) => groupTexts(group, columns));
  const landed = columns.map((column, index) => {
    const present = texts.some((select) => select.texts[index] !== undefined);
    const value = present ? strictValue(`text${index}`, column, mayRound) : `NULL::${DUCKDB_TYPES[column.type]}`;
    return `${value} AS ${quoteName(column.name)}`;
  });
  const selects = texts.map(({ from, texts }) => {
    const named = texts.map((text, index) => `${text ?? 'NULL::VARCHAR'} AS text${index}`);
    return `SELECT ${['filename', ...named].join(', ')} FROM ${from}`;
  });
  const rows = selects.length === 0 ? `(SELECT '' AS filename WHERE false)` : `(${selects.join('\nUNION ALL\n')})`;
  return `SELECT ${[...landed, 'loads.* EXCLUDE (file)'].join(',\n  ')}
FROM ${rows} JOIN (${loadsValues(loads)}) AS loads ON filename = loads.file`;
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
  return column.hashed ? `exportd_hmac(${strict}, $inner, $outer)` : strict;
}

/** The value as it lands, before it is hashed. Where the table has another type: cast to that exactly, or NULL. */
function columnValue(text: string, column: LandingColumn, mayRound: string): string {
  const { reads, type } = column;
  if (type === 'string') return reads === 'string' ? text : `CAST(${typedValue(text, reads)} AS VARCHAR)`;
  if (reads === type) return typedValue(text, type, mayRound);
  const value = typedValue(text, type, 'false');
  if (type === 'date') return `CASE WHEN length(${text}) = 10 THEN ${value} END`;
  if (type === 'float' && reads !== 'string') return `CASE WHEN abs(${value}) < ${2 ** 53} THEN ${value} END`;
  return value;
}

/** The metadata of each load beside its file, in the types of METADATA_COLUMNS. */
function loadsValues(loads: readonly Load[]): string {
  const rows = loads.map(({ body, loadId }) => {
    const { period } = body.ask;
    const texts = [
      body.file.path,
      period.key,
      period.date,
      iso(period.start),
      iso(period.end),
      period.source,
      loadId,
      iso(body.requestedAt),
    ];
    return `(${texts.map(quoteText).join(', ')})`;
  });
  return `SELECT file, _period_key, _period_date::DATE AS _period_date, _period_start::TIMESTAMPTZ AS _period_start,
    _period_end::TIMESTAMPTZ AS _period_end, _source, _load_id, _extracted_at::TIMESTAMPTZ AS _extracted_at
  FROM (VALUES ${rows.length === 0 ? "('', '', '', '', '', '', '', '')" : rows.join(',\n    ')})
    AS load(file, _period_key, _period_date, _period_start, _period_end, _source, _load_id, _extracted_at)
  ${rows.length === 0 ? 'WHERE false' : ''}`;
}

function iso(at: Instant): string {
  return new Date(at).toISOString();
}
