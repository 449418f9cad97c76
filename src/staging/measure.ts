import type { LandingColumn } from '../core/columns.ts';
import type { Fingerprint, LoadId } from '../core/words.ts';
import { quoteName } from '../duckdb/engine.ts';
import { fingerprintOf, rowHash } from './fingerprint.ts';
import { distinctIds } from './org-ids.ts';
import type { Landing } from './staged.ts';
import { scaleOf } from './value-rules.ts';

/** What one load's rows are, as they landed. */
export interface Measured {
  readonly rows: number;
  readonly fingerprint: Fingerprint;
  readonly totals: Readonly<Record<string, string>>;
  /** Different workspaces that its rows name; two at most are told. */
  readonly orgIds: readonly string[];
}

/**
 * Measures every load that landed, in one pass over the rows. A load without rows has no entry in GROUP BY, and none here.
 * `present`: the columns that some body had; all others hold nothing. `orgColumn`: the table's name of the workspace, where it lands as it is.
 */
export async function measureRows(
  landing: Landing,
  present: readonly LandingColumn[],
  orgColumn: string | undefined,
  algorithm: string,
): Promise<ReadonlyMap<LoadId, Measured>> {
  const summed = present.filter((column) => column.summed);
  const org = orgColumn === undefined ? 'NULL::VARCHAR' : `CAST(${quoteName(orgColumn)} AS VARCHAR)`;
  // Whole and broken parts are summed apart: together they could need more digits than DuckDB has.
  const sums = summed.flatMap(({ name, type }, index) => {
    const column = quoteName(name);
    return scaleOf(type) === undefined
      ? [`CAST(sum(${column}) AS VARCHAR) AS whole${index}`]
      : [
          `CAST(sum(trunc(${column})) AS VARCHAR) AS whole${index}`,
          `CAST(sum(${column} - trunc(${column})) AS VARCHAR) AS broken${index}`,
        ];
  });
  const rows = await landing.connection.rows<
    { load_id: string; rows: bigint; hashes: string; org_low: string | null; org_high: string | null } & Record<
      string,
      string | null
    >
  >(
    `SELECT ${[
      '_load_id AS load_id',
      'count(*) AS rows',
      `CAST(sum(${rowHash(present)}) AS VARCHAR) AS hashes`,
      `min(${org}) AS org_low`,
      `max(${org}) AS org_high`,
      ...sums,
    ].join(',\n  ')}
FROM ${landing.rows()} GROUP BY _load_id`,
  );
  return new Map(
    rows.map((row) => [
      row.load_id,
      {
        rows: Number(row.rows),
        fingerprint: fingerprintOf(algorithm, Number(row.rows), BigInt(row.hashes)),
        totals: Object.fromEntries(
          summed.flatMap(({ name }, index) => {
            const whole = row[`whole${index}`];
            return whole == null ? [] : [[name, addDecimals(whole, row[`broken${index}`] ?? '0')]];
          }),
        ),
        orgIds: distinctIds(row.org_low, row.org_high),
      },
    ]),
  );
}

/** The sum of two decimals as the shortest text. */
function addDecimals(a: string, b: string): string {
  const scale = Math.max(fraction(a).length, fraction(b).length);
  const units = (text: string) => BigInt(text.replace('.', '') + '0'.repeat(scale - fraction(text).length));
  const sum = units(a) + units(b);
  const digits = (sum < 0n ? -sum : sum).toString().padStart(scale + 1, '0');
  const text = `${digits.slice(0, digits.length - scale)}.${digits.slice(digits.length - scale)}`;
  return (sum < 0n ? '-' : '') + text.replace(/\.?0*$/, '');
}

function fraction(text: string): string {
  return text.split('.')[1] ?? '';
}
