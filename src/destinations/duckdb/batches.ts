/**
 * Tables that one statement looks at. Thousands in one hold a buffer for each at the same time (a gigabyte for 1,000
 * tables); one by one they take ten times as long.
 */
const TABLES_AT_ONCE = 100;

/** The indices of a list, first and last of each batch. */
export function* idsInBatches({ length }: readonly unknown[]): Generator<readonly [first: number, last: number]> {
  for (let first = 0; first < length; first += TABLES_AT_ONCE) {
    yield [first, Math.min(first + TABLES_AT_ONCE, length) - 1];
  }
}
