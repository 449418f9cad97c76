/**
 * The contract's value rules, once, as SQL macros: text → value, NULL where the text is none of its type. They are the
 * same for CSV and JSON. Canonical text takes a short road on which DuckDB's own cast is exact; whatever else is taken
 * apart digit by digit, because DuckDB's casts change numbers without a word (1.5 → 2, 0x10 → 16, 6e-12 → 0.000000001).
 */

import type { ColumnType } from '../core/words.ts';
import { quoteText } from '../duckdb/engine.ts';

/** Digits after the point; undefined for all but the numeric types. */
export function scaleOf(type: ColumnType): number | undefined {
  return type === 'numeric' ? 9 : type === 'numeric(38,18)' ? 18 : undefined;
}

const NUMBER = String.raw`[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?`;
const INTEGRAL = String.raw`[+-]?\d+(\.0+)?|[+-]?(\d+(\.\d*)?|\.\d+)[eE][+-]?\d+`;

const DATE = String.raw`\d{4}-\d\d-\d\d`;
const TIME = String.raw`([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,6}0*)?`;
const OFFSET = String.raw`([Zz]|[+-]([01]\d|2[0-3])(:?[0-5]\d)?)`;
const PLAIN_TIMESTAMP = String.raw`[12]\d{3}-\d\d-\d\d[T ]${TIME}Z`;
const TIMESTAMP = String.raw`(${DATE})[Tt ]([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d)(?:[.,](\d{1,6})0*)?)?${OFFSET}?`;

const JSON_NUMBER = String.raw`-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?`;
const PLAIN_STRING = String.raw`"[^"\\\x00-\x1f]*"`;
const PLAIN_MEMBER = `${PLAIN_STRING}:(?:${JSON_NUMBER}|${PLAIN_STRING}|true|false|null)`;
const PLAIN_MAP = String.raw`\{(?:${PLAIN_MEMBER}(?:,${PLAIN_MEMBER})*)?\}`;
const JSON_STRING = String.raw`"(?:[^"\\]|\\.)*"`;
/** A JSON text whose strings were emptied: DuckDB's own check lets NaN and a comma before the end pass. */
const JSON_SKELETON = String.raw`(?:[ \t\r\n{}\[\]:,]|""|true|false|null|${JSON_NUMBER})*`;

/** Binds a value to a name inside an SQL expression, so that it is worked out once. */
function bind(name: string, value: string, expression: string): string {
  return `list_transform([${value}], lambda ${name}: ${expression})[1]`;
}

function matches(text: string, pattern: string): string {
  return `regexp_full_match(${text}, ${quoteText(pattern)})`;
}

/** A number in plain decimals as text, with exactly `scale` digits after its point, from its digits without a point. */
function withPoint(digits: string, scale: number): string {
  return bind(
    'd',
    `repeat('0', greatest(0, ${scale + 1} - length(${digits}))) || ${digits}`,
    `left(d, length(d) - ${scale}) || '.' || right(d, ${scale})`,
  );
}

/**
 * Canonical text: DuckDB's cast of it, written out again, begins with it. Then it was read exactly. (No pattern is as
 * fast, and a cast alone proves nothing.)
 */
const PLAIN_NUMBER = 'starts_with(CAST(TRY_CAST(v AS DECIMAL(18,9)) AS VARCHAR), v)';

/** Rounded half to even: up where the rest is above a half, or is a half behind an odd digit. */
const ROUNDED_UNITS = `CAST('0' || s.kept AS HUGEINT) + CASE
  WHEN s.rest > '5' OR (s.rest = '5' AND right(s.kept, 1) IN ('1', '3', '5', '7', '9')) THEN 1 ELSE 0 END`;

function numericMacro(name: string, scale: number): string {
  const type = `DECIMAL(38,${scale})`;
  const text = bind('u', `CAST(${ROUNDED_UNITS} AS VARCHAR)`, `s.sign || ${withPoint('u', scale)}`);
  // Text to more than 18 digits is slow in DuckDB: only what does not fit into 18 goes that way.
  const cast = bind(
    't',
    text,
    `coalesce(CAST(TRY_CAST(t AS DECIMAL(18,${scale})) AS ${type}), TRY_CAST(t AS ${type}))`,
  );
  return `CREATE OR REPLACE MACRO ${name}(v, may_round) AS CASE
    WHEN ${PLAIN_NUMBER} THEN CAST(TRY_CAST(v AS DECIMAL(18,9)) AS ${type})
    ELSE ${bind('s', `exportd_digits(v, ${scale})`, `CASE WHEN s.rest = '' THEN ${cast} WHEN may_round THEN ${cast} END`)} END`;
}

/** Statements that make the macros; run once per engine. */
export const VALUE_RULES: readonly string[] = [
  // A number's text as {sign, significant digits, where the point stands before or behind their first}.
  `CREATE OR REPLACE MACRO exportd_number(v) AS CASE WHEN ${matches('v', NUMBER)} THEN ${bind(
    'p',
    String.raw`regexp_extract(v, '^([+-]?)(\d*)\.?(\d*)(?:[eE]([+-]?\d+))?$', ['sign', 'whole', 'fraction', 'exponent'])`,
    bind(
      'digits',
      `ltrim(p.whole || p.fraction, '0')`,
      `{
        sign: CASE WHEN p.sign = '-' THEN '-' ELSE '' END,
        digits: digits,
        point: length(digits) - length(p.fraction) + CASE WHEN p.exponent = '' THEN 0 ELSE
          greatest(-1000000000, least(1000000000, coalesce(TRY_CAST(p.exponent AS BIGINT),
            CASE WHEN starts_with(p.exponent, '-') THEN -1000000000 ELSE 1000000000 END))) END
      }`,
    ),
  )} END`,
  // The same as {sign, kept, rest}: the digits down to the scale, and those behind it. NULL where more than 38 are kept.
  `CREATE OR REPLACE MACRO exportd_digits(v, scale) AS ${bind(
    'n',
    'exportd_number(v)',
    bind(
      'kept',
      'n.point + scale',
      `CASE
        WHEN n.digits = '' THEN {sign: '', kept: '', rest: ''}
        WHEN kept > 38 THEN NULL
        WHEN kept < 0 THEN {sign: n.sign, kept: '', rest: '01'}
        ELSE {
          sign: n.sign,
          kept: left(n.digits, kept) || repeat('0', greatest(0, kept - length(n.digits))),
          rest: rtrim(substr(n.digits, kept + 1), '0')
        } END`,
    ),
  )}`,
  `CREATE OR REPLACE MACRO exportd_rounds(v, scale) AS CASE
    WHEN ${PLAIN_NUMBER} THEN false
    ELSE coalesce(exportd_digits(v, scale).rest <> '', false) END`,
  `CREATE OR REPLACE MACRO exportd_integer(v) AS CASE
    WHEN CAST(TRY_CAST(v AS BIGINT) AS VARCHAR) = v THEN TRY_CAST(v AS BIGINT)
    WHEN ${matches('v', INTEGRAL)} THEN ${bind(
      's',
      'exportd_digits(v, 0)',
      `CASE WHEN s.rest = '' THEN TRY_CAST(s.sign || '0' || s.kept AS BIGINT) END`,
    )} END`,
  numericMacro('exportd_numeric', 9),
  numericMacro('exportd_numeric18', 18),
  `CREATE OR REPLACE MACRO exportd_float(v) AS CASE WHEN ${matches('v', NUMBER)} THEN ${bind(
    'x',
    'TRY_CAST(v AS DOUBLE)',
    'CASE WHEN isfinite(x) THEN x END',
  )} END`,
  `CREATE OR REPLACE MACRO exportd_boolean(v) AS CASE lower(v) WHEN 'true' THEN true WHEN 'false' THEN false END`,
  // Years go from 1 to 9999: what every warehouse can hold.
  `CREATE OR REPLACE MACRO exportd_timestamp(v) AS CASE
    WHEN ${matches('v', PLAIN_TIMESTAMP)} THEN TRY_CAST(v AS TIMESTAMPTZ)
    WHEN ${matches('v', TIMESTAMP)} AND v >= '0001' THEN ${bind(
      'p',
      `regexp_extract(v, ${quoteText(`^${TIMESTAMP}$`)}, ['date', 'hour', 'minute', 'second', 'fraction', 'offset'])`,
      bind(
        't',
        `TRY_CAST(p.date || ' ' || p.hour || ':' || p.minute || ':' || CASE WHEN p.second = '' THEN '00' ELSE p.second END
          || CASE WHEN p.fraction = '' THEN '' ELSE '.' || p.fraction END
          || CASE WHEN lower(p.offset) IN ('', 'z') THEN '+00' ELSE p.offset END AS TIMESTAMPTZ)`,
        `CASE WHEN t >= TIMESTAMPTZ '0001-01-01 00:00:00+00' AND t < TIMESTAMPTZ '10000-01-01 00:00:00+00' THEN t END`,
      ),
    )} END`,
  `CREATE OR REPLACE MACRO exportd_date(v) AS CASE
    WHEN CAST(TRY_CAST(v AS DATE) AS VARCHAR) = v AND strlen(v) = 10 THEN TRY_CAST(v AS DATE)
    WHEN exportd_timestamp(v) IS NOT NULL THEN CAST(left(v, 10) AS DATE) END`,
  // No name twice, in a JSON object without objects inside.
  `CREATE OR REPLACE MACRO exportd_distinct(keys) AS CASE
    WHEN len(keys) < 2 THEN true
    WHEN len(keys) = 2 THEN keys[1] <> keys[2]
    WHEN len(keys) = 3 THEN keys[1] <> keys[2] AND keys[1] <> keys[3] AND keys[2] <> keys[3]
    ELSE list_unique(keys) = len(keys) END`,
  `CREATE OR REPLACE MACRO exportd_map(v) AS CASE
    WHEN ${matches('v', PLAIN_MAP)} THEN CASE WHEN ${bind('k', 'json_keys(v)', 'exportd_distinct(k)')} THEN v END
    WHEN json_valid(v) THEN CASE WHEN json_type(v) = 'OBJECT' AND ${bind(
      'skeleton',
      `regexp_replace(v, ${quoteText(JSON_STRING)}, '""', 'g')`,
      String.raw`${matches('skeleton', JSON_SKELETON)} AND NOT regexp_matches(skeleton, ',[ \t\r\n]*[}\]]')`,
    )} THEN CASE WHEN len(list_filter(
        list_append(CAST(json_extract(v, '$..*') AS JSON[]), CAST(v AS JSON)),
        lambda part: CASE WHEN json_type(part) = 'OBJECT' THEN list_unique(json_keys(part)) < len(json_keys(part)) ELSE false END
      )) = 0
      THEN regexp_replace(v, ${quoteText(`(${JSON_STRING})|[ \\t\\r\\n]+`)}, '\\1', 'g') END END END`,
  // The digits that count; of a number and of the double nearest to it they are the same only where nothing is lost.
  `CREATE OR REPLACE MACRO exportd_significant(n) AS
    trim(replace(regexp_replace(n, '[eE].*|-', '', 'g'), '.', ''), '0')`,
  `CREATE OR REPLACE MACRO exportd_in_64_bits(n) AS TRY_CAST(n AS BIGINT) IS NOT NULL AND ${matches('n', String.raw`-?\d+`)}
    OR TRY_CAST(n AS UBIGINT) IS NOT NULL AND ${matches('n', String.raw`\d+`)}
    OR coalesce(isfinite(TRY_CAST(n AS DOUBLE))
      AND exportd_significant(CAST(TRY_CAST(n AS DOUBLE) AS VARCHAR)) = exportd_significant(n), false)`,
  `CREATE OR REPLACE MACRO exportd_parsed_map(v) AS ${bind(
    'm',
    'exportd_map(v)',
    `CASE WHEN NOT regexp_matches(m, '[0-9][0-9.]{15}|[0-9][eE]') THEN m
      WHEN len(list_filter(
        regexp_extract_all(regexp_replace(m, ${quoteText(JSON_STRING)}, '""', 'g'), ${quoteText(JSON_NUMBER)}),
        lambda n: NOT exportd_in_64_bits(n))) = 0 THEN m END`,
  )}`,
];

/** HMAC-SHA256 of a text; `inner` and `outer` are the key's two pads (see hash-pads.ts). */
export const HASH_RULE = `CREATE OR REPLACE MACRO exportd_hmac(v, inner_pad, outer_pad) AS
  sha256(outer_pad || unhex(sha256(inner_pad || encode(v))))`;

/**
 * The value of `text` (an SQL expression), NULL where it is NULL, empty or no `type`. `mayRound`: an SQL condition,
 * asked once for each number that has more digits than its column.
 */
export function typedValue(text: string, type: ColumnType, mayRound = 'true'): string {
  switch (type) {
    case 'string':
      return text;
    case 'numeric':
      return `exportd_numeric(${text}, ${mayRound})`;
    case 'numeric(38,18)':
      return `exportd_numeric18(${text}, ${mayRound})`;
    default:
      return `exportd_${type}(${text})`;
  }
}
