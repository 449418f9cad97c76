import type { Connection } from '../duckdb/engine.ts';
import type { Body } from '../sources/source.ts';
import { bodyTexts } from './body-texts.ts';
import type { LandingGroup } from './group-bodies.ts';

/** The export's column that names the workspace. */
const ORG_ID = 'org_id';

/** The table's name for it, where it lands as it is: then it is measured with all else. */
export function landedOrgColumn(columns: LandingGroup['columns']): string | undefined {
  return columns.find((column) => column.from === ORG_ID && !column.hashed)?.name;
}

/** Where it is dropped or hashed: the workspaces that each body's rows name, two at most, read from the bodies. */
export async function readOrgIds(
  connection: Connection,
  groups: readonly LandingGroup[],
): Promise<ReadonlyMap<Body, readonly string[]>> {
  const found = new Map<Body, readonly string[]>();
  for (const group of groups) {
    const texts = bodyTexts(group);
    const org = texts.text(ORG_ID);
    if (org === undefined) continue;
    const rows = await connection.rows<{ filename: string; low: string | null; high: string | null }>(
      `SELECT filename, min(${org}) AS low, max(${org}) AS high FROM ${texts.from} GROUP BY filename`,
    );
    for (const body of group.bodies) {
      const row = rows.find((row) => row.filename === body.file.path);
      found.set(body, distinctIds(row?.low, row?.high));
    }
  }
  return found;
}

/** The different ones of a lowest and a highest. */
export function distinctIds(low: string | null | undefined, high: string | null | undefined): readonly string[] {
  return [...new Set([low ?? '', high ?? ''])].filter((id) => id !== '');
}
