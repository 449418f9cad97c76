import { realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { DestinationConfig } from './settings.ts';

/** Equal for two destinations that are physically one. */
export function physicalOf(destination: DestinationConfig): string {
  if (destination.type === 'bigquery') {
    const { type, endpoint, project, dataset } = destination;
    return [type, endpoint ?? '', project, dataset].join('\0');
  }
  if (destination.type === 'snowflake') {
    const { type, url, account, database, schema } = destination;
    return [type, (url ?? account).toLowerCase(), database.toUpperCase(), schema.toUpperCase()].join('\0');
  }
  return [destination.type, realPathOf(destination.path), destination.schema.toLowerCase()].join('\0');
}

/** Links resolved as far as the path exists: the file may have to be made yet. */
function realPathOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    const folder = dirname(path);
    return folder === path ? path : join(realPathOf(folder), basename(path));
  }
}
