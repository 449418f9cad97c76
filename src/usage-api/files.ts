import { randomBytes } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Instant } from '../core/words.ts';
import type { Bytes } from '../http/receive.ts';
import { unavailable } from './refusal.ts';

/** 128 random bits: who was not told of a file cannot ask for it. */
const ID = /^[0-9a-f]{32}$/;
const OURS = /^[0-9a-f]{32}\.csv(\.part)?$/;

/**
 * CSV exports on their way to who asked for them: files under unguessable names in a folder of their own, each gone some
 * time after it was written. Names are made here and nowhere else, so that no path from outside ever reaches the disk.
 */
export interface ExportFiles {
  /**
   * Writes a file and returns its id. It is there whole or not at all, also where this throws: what `bytes` throws, or 503
   * where the disk is full or cannot be written to.
   */
  write(bytes: Bytes): Promise<string>;
  /** undefined where there is none, or not any more. Whoever has it open reads it to its end, whatever happens to it. */
  open(id: string): Promise<{ readonly file: FileHandle; readonly size: number } | undefined>;
  /** Removes what is older than a download may be, and what a killed process left. */
  sweep(now: Instant): Promise<void>;
  /** Throws 503 where files cannot be written. */
  probe(): Promise<void>;
}

export function openFiles(folder: string, lifetime: () => number): ExportFiles {
  const at = (name: string) => join(folder, name);
  const make = () => mkdir(folder, { recursive: true, mode: 0o700 });

  async function write(bytes: Bytes): Promise<string> {
    const id = randomBytes(16).toString('hex');
    const [part, whole] = [at(`${id}.csv.part`), at(`${id}.csv`)];
    try {
      await make();
      await pipeline(bytes, createWriteStream(part, { flags: 'wx', mode: 0o600 }));
      await rename(part, whole);
      return id;
    } catch (error) {
      // Where it cannot be removed either, it goes with the old ones.
      await rm(part, { force: true }).catch(() => undefined);
      throw isOfDisk(error) ? unavailable('The server has no room for this export at the moment.', error) : error;
    }
  }

  async function sweep(now: Instant): Promise<void> {
    const names = await readdir(folder).catch(() => []);
    for (const name of names.filter((each) => OURS.test(each))) {
      const { mtimeMs } = await stat(at(name)).catch(() => ({ mtimeMs: now }));
      if (mtimeMs + lifetime() < now) await rm(at(name), { force: true });
    }
  }

  return {
    write,
    async open(id) {
      if (!ID.test(id)) return undefined;
      try {
        const file = await open(at(`${id}.csv`));
        return { file, size: (await file.stat()).size };
      } catch (error) {
        if (codeOf(error) === 'ENOENT') return undefined;
        throw error;
      }
    },
    sweep,
    async probe() {
      const id = await write(nothing());
      await rm(at(`${id}.csv`), { force: true });
    },
  };
}

async function* nothing(): Bytes {}

/** No room, no right, a broken disk: whatever a call of the file system ends with. What the bytes end with has no errno. */
function isOfDisk(error: unknown): boolean {
  return error instanceof Error && 'errno' in error && 'syscall' in error;
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}
