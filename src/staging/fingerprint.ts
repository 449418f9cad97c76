import type { Column, Fingerprint } from '../core/words.ts';
import { type Connection, quoteName, quoteText } from '../duckdb/engine.ts';

/**
 * A row's hash, as SQL: the same whatever order the columns stand in, and whether or not there are others without a
 * value, so that a column which some exports lack makes no difference. Within a row no two terms can cancel out, since
 * each begins with its column's name; rows are summed, never XORed, which would cancel doubled ones.
 */
export function rowHash(columns: readonly Column[]): string {
  const terms = [...columns].sort((a, b) => (a.name < b.name ? -1 : 1)).map(({ name }) => term(name, quoteName(name)));
  const empty = columns.map(({ name }) => term(name, 'NULL'));
  return `hash(${combined([...terms, ...empty])})`;
}

/**
 * Hashed twice: DuckDB combines the hashes of name and value by XOR, so that values which trade places between two
 * columns would cancel out.
 */
function term(name: string, value: string): string {
  return `hash(hash(${quoteText(name)}, ${value}))`;
}

/** XOR of all, as a tree: a chain of thirty would nest as deep. */
function combined(terms: readonly string[]): string {
  const [only] = terms;
  if (only === undefined) return '0::UBIGINT';
  if (terms.length === 1) return only;
  const half = terms.length >> 1;
  return `xor(${combined(terms.slice(0, half))}, ${combined(terms.slice(half))})`;
}

/** `sum`: of the row hashes. */
export function fingerprintOf(algorithm: string, rows: number, sum: bigint): Fingerprint {
  return `${algorithm}:${rows}-${sum.toString(16)}`;
}

/** What DuckDB 1.5's hash() makes of one value of every type. */
const KNOWN: ReadonlyMap<string, string> = new Map([['da82c18e942c771', 'duckdb1.5']]);

/** DuckDB does not promise that hash() stays as it is: the algorithm is named by what it makes of known values. */
export async function hashAlgorithm(connection: Connection): Promise<string> {
  const [row] = await connection.rows<{ probe: string }>(
    `SELECT format('{:x}', hash('text ü', 1234567890123::BIGINT, 1.5::DECIMAL(38,9), 1.5::DECIMAL(38,18), 0.1::DOUBLE,
       true, DATE '2026-03-29', TIMESTAMPTZ '2026-03-29 01:00:00.123456+00', NULL)) AS probe`,
  );
  const probe = row?.probe ?? '';
  return KNOWN.get(probe) ?? `duckdb-${probe}`;
}
