import type { Connection } from '../duckdb/engine.ts';
import type { Body } from '../sources/source.ts';
import { bodyTexts } from './body-texts.ts';
import type { LandingGroup } from './group-bodies.ts';
import { scaleOf } from './value-rules.ts';

/**
 * Counts, as a side effect of the one pass over the bodies, the numbers that are rounded: true for each of them.
 * Only where it counted any are the bodies read again, to say which load they are in.
 */
export const COUNT_ROUNDED = `nextval('exportd_rounded') > 0`;

export async function resetRounded(connection: Connection): Promise<void> {
  await connection.run('CREATE OR REPLACE TEMP SEQUENCE exportd_rounded');
}

/** How many numbers were rounded in each body since the reset; bodies without any are left out. */
export async function countRounded(
  connection: Connection,
  groups: readonly LandingGroup[],
): Promise<ReadonlyMap<Body, number>> {
  const [sequence] = await connection.rows<{ counted: bigint | null }>(
    `SELECT last_value AS counted FROM duckdb_sequences() WHERE sequence_name = 'exportd_rounded' AND temporary`,
  );
  const counted = Number(sequence?.counted ?? 0);
  const bodies = groups.flatMap((group) => group.bodies);
  const [only] = bodies;
  if (counted === 0 || only === undefined) return new Map();
  if (bodies.length === 1) return new Map([[only, counted]]);

  const rounded = new Map<Body, number>();
  for (const group of groups) {
    const texts = bodyTexts(group);
    const counts = group.columns.flatMap((column) => {
      const scale = scaleOf(column.reads);
      const text = texts.text(column.from);
      return scale === undefined || text === undefined ? [] : [`exportd_rounds(${text}, ${scale})::INTEGER`];
    });
    const rows = await connection.rows<{ filename: string; rounded: number }>(
      `SELECT filename, CAST(sum(${['0', ...counts].join(' + ')}) AS DOUBLE) AS rounded FROM ${texts.from} GROUP BY filename`,
    );
    for (const body of group.bodies) {
      const count = rows.find((row) => row.filename === body.file.path)?.rounded ?? 0;
      if (count > 0) rounded.set(body, count);
    }
  }
  return rounded;
}
