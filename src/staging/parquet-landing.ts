import { type Connection, quoteText } from '../duckdb/engine.ts';
import type { SpoolFile } from './spool.ts';
import type { Landing } from './staged.ts';

/** Rows: bounds the memory of writing; a quarter of DuckDB's default. */
const ROW_GROUP_SIZE = 30_720;

/** A Parquet file of the spool, as every warehouse can take it. */
export function parquetLanding(connection: Connection, file: SpoolFile): Landing {
  return {
    connection,
    async put(_loads, rows, parameters) {
      await connection.run(
        `COPY (${rows}) TO ${quoteText(file.path)}
(FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE ${ROW_GROUP_SIZE}, USE_TMP_FILE false)`,
        parameters,
      );
      await file.measure();
    },
    rows: () => `read_parquet(${quoteText(file.path)})`,
  };
}
