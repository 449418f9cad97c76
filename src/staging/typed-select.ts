import type { LandingColumn } from '../core/columns.ts';
import type { Instant, LoadId } from '../core/words.ts';
import { quoteName, quoteText } from '../duckdb/engine.ts';
import type { Body } from '../sources/source.ts';
import { type BodyGroup, type BodyTexts, bodyTexts } from './body-texts.ts';
import { DUCKDB_TYPES, typedValue } from './value-rules.ts';

/** What makes a row of a load: the metadata columns come from here. */
export interface Load {
  readonly body: Body;
  readonly loadId: LoadId;
}

/**
 * A group's rows as they land, metadata columns included: `columns` in their order, NULL for those that the bodies lack.
 * A misfit fails the statement: that costs the common road nothing. `mayRound` as in typedValue.
 */
export function typedSelect(
  group: BodyGroup,
  loads: readonly Load[],
  columns: readonly LandingColumn[],
  mayRound: string,
): string {
  const texts = bodyTexts(group);
  const landed = columns.map((column) => `${strictValue(texts, column, mayRound)} AS ${quoteName(column.name)}`);
  return `SELECT ${[...landed, 'loads.* EXCLUDE (file)'].join(',\n  ')}
FROM ${texts.from} JOIN (${loadsValues(loads)}) AS loads ON filename = loads.file`;
}

/** A table of the same columns without a row. */
export function emptySelect(columns: readonly LandingColumn[]): string {
  const landed = columns.map((column) => `NULL::${DUCKDB_TYPES[column.type]} AS ${quoteName(column.name)}`);
  return `SELECT ${[...landed, 'loads.* EXCLUDE (file)'].join(', ')} FROM (${loadsValues([])}) AS loads`;
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

function strictValue(texts: BodyTexts, column: LandingColumn, mayRound: string): string {
  const text = texts.text(column.from);
  if (text === undefined) return `NULL::${DUCKDB_TYPES[column.type]}`;
  const twice = texts.twice(column.from);
  let value = columnValue(text, column, mayRound);
  if (column.reads !== 'string' || column.type !== 'string') {
    value = `coalesce(${value}, CASE WHEN ${text} <> '' THEN error('misfit') END)`;
  }
  if (column.hashed) value = `exportd_hmac(${value}, $inner, $outer)`;
  return twice === undefined ? value : `CASE WHEN ${twice} THEN error('twice') ELSE ${value} END`;
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
