/** What a world has on disk. */
import { readdirSync, readFileSync } from 'node:fs';
import type { World } from '../e2e/world.ts';

/** Other words in the world's config. */
export function reconfigure(w: World, changes: Readonly<Record<string, string>>): void {
  let config = readFileSync(w.place.at('exportd.yaml'), 'utf8');
  for (const [from, to] of Object.entries(changes)) {
    if (!config.includes(from)) throw new Error(`the config does not say ${from}`);
    config = config.replace(from, to);
  }
  w.place.write('exportd.yaml', config);
}

/** What lies in the spool folder. */
export function spooled(w: World): string[] {
  return readdirSync(w.place.at('spool'));
}
