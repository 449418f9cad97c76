import { type Connection, quoteText } from '../duckdb/engine.ts';

/** Every key that the rows of an NDJSON body have, for a source that does not say so itself. A pass over the body. */
export async function ndjsonColumns(connection: Connection, path: string): Promise<readonly string[]> {
  const rows = await connection.rows<{ name: string }>(
    `SELECT DISTINCT unnest(names) AS name FROM (
       SELECT DISTINCT json_keys(json) AS names
       FROM read_ndjson_objects(${quoteText(path)}, maximum_object_size = 67108864)
     )`,
  );
  return rows.map((row) => row.name);
}
