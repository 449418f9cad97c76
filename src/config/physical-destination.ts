import { realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { DestinationConfig } from './settings.ts';

/** Equal for two destinations that are physically one. */
export function physicalOf({ type, path, schema }: DestinationConfig): string {
  return `${type}\0${realPathOf(path)}\0${schema.toLowerCase()}`;
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
