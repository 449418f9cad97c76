/** How a batch travels: a file of its own, under a path of its own, into a table of its own. */

/** What the names of all staging tables begin with. */
export const STAGING_PREFIX = '_exportd_staging_';

/**
 * The path and the table of one attempt to stage a batch. Both are new each time, so neither PUT, which skips a file
 * that is there, nor COPY, which remembers for 64 days what it loaded, can leave a row out.
 */
export function stagingName(batch: string, attempt: number): string {
  return `${batch.replaceAll('-', '_')}_${attempt}`;
}

/** `location`: a path of the stage, with a slash at its end. */
export function putSql(file: string, location: string): string {
  const escaped = file.replaceAll('\\', '\\\\').replaceAll("'", "\\'");
  return `PUT 'file://${escaped}' ${location} AUTO_COMPRESS=FALSE OVERWRITE=TRUE`;
}

export function copySql(table: string, location: string): string {
  return `COPY INTO ${table} FROM ${location}
FILE_FORMAT = (TYPE = PARQUET USE_LOGICAL_TYPE = TRUE)
MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE
ON_ERROR = ABORT_STATEMENT`;
}

export function dropSql(table: string): string {
  return `DROP TABLE IF EXISTS ${table}`;
}

export function removeSql(location: string): string {
  return `REMOVE ${location}`;
}

export function listSql(location: string): string {
  return `LIST ${location}`;
}

/** When the batch of a staging table, or of a path of the stage, was staged: its UUIDv7 says. undefined: none of ours. */
export function stagedAt(name: string): number | undefined {
  const found = /^(?:_exportd_staging_)?([0-9a-f]{8})_([0-9a-f]{4})_7[0-9a-f]{3}_[0-9a-f]{4}_[0-9a-f]{12}_\d+$/i.exec(
    name,
  );
  return found === null ? undefined : Number.parseInt(`${found[1]}${found[2]}`, 16);
}
