import { realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** Those who work with one file, one after the other. */
interface Line {
  readonly waiting: (object | undefined)[];
  last: Promise<unknown>;
}

/** By real path, whoever opened it under whichever name. */
const lines = new Map<string, Line>();

/**
 * Runs `work` once everybody who came before is done with the file. `who`: tells takers apart; `next` tells who waits
 * behind them at that moment, if anybody.
 */
export async function inTurn<T>(
  path: string,
  who: object | undefined,
  work: (next: () => object | undefined) => Promise<T>,
): Promise<T> {
  const file = await realPath(path);
  const line = lines.get(file) ?? { waiting: [], last: Promise.resolve() };
  lines.set(file, line);
  line.waiting.push(who);
  const turn = Promise.allSettled([line.last]).then(() => {
    line.waiting.shift();
    return work(() => line.waiting[0]);
  });
  line.last = turn;
  try {
    return await turn;
  } finally {
    if (line.last === turn) lines.delete(file);
  }
}

/** Also of a file, or of folders, that are not there yet. */
async function realPath(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch {
    const folder = dirname(path);
    return folder === path ? path : join(await realPath(folder), basename(path));
  }
}
