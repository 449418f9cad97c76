import { readFileSync } from 'node:fs';
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** What the file `owner` of a spool folder says: whose bodies these are. */
interface Owner {
  readonly program: 'exportd';
  readonly host: string;
  readonly pid: number;
  /** Start time of the process in the kernel's own unit: in a container every process is 1. Null where there is no /proc. */
  readonly started: string | null;
}

const DAY = 24 * 60 * 60 * 1000;

/** The content of this process's `owner` file. */
export function ownerText(instance: string): string {
  const owner: Owner = {
    program: 'exportd',
    host: hostOf(instance),
    pid: process.pid,
    started: startTime(process.pid) ?? null,
  };
  return `${JSON.stringify(owner)}\n`;
}

/**
 * Removes folders of this host whose process is gone, and folders of other hosts in which nothing was written for 24 h.
 * Only folders that hold an `owner` file of exportd are touched: `spool_dir` may be anybody's folder.
 */
export async function removeStale(base: string, own: string): Promise<void> {
  const { host } = JSON.parse(await readFile(join(own, 'owner'), 'utf8')) as Owner;
  // Ages are told by the file system's own clock, which may be another machine's.
  const now = (await stat(join(own, 'owner'))).mtimeMs;
  for (const entry of await readdir(base, { withFileTypes: true })) {
    const folder = join(base, entry.name);
    if (!entry.isDirectory() || folder === own) continue;
    const owner = await readOwner(folder);
    if (owner === undefined) continue;
    const stale = owner.host === host ? !isRunning(owner) : now - (await lastWrite(folder)) > DAY;
    if (stale) await rm(folder, { recursive: true, force: true });
  }
}

/** The host in `<hostname>/<8 hex digits>`. */
export function hostOf(instance: string): string {
  const slash = instance.lastIndexOf('/');
  return slash < 0 ? instance : instance.slice(0, slash);
}

async function readOwner(folder: string): Promise<Owner | undefined> {
  try {
    const owner: unknown = JSON.parse(await readFile(join(folder, 'owner'), 'utf8'));
    return isOwner(owner) ? owner : undefined;
  } catch {
    // No such file, or not ours to read: not a folder of exportd.
    return undefined;
  }
}

function isOwner(value: unknown): value is Owner {
  if (typeof value !== 'object' || value === null) return false;
  const { program, host, pid, started } = value as Partial<Record<keyof Owner, unknown>>;
  return (
    program === 'exportd' &&
    typeof host === 'string' &&
    Number.isSafeInteger(pid) &&
    Number(pid) > 0 &&
    (started === null || typeof started === 'string')
  );
}

function isRunning(owner: Owner): boolean {
  const started = startTime(owner.pid);
  if (started !== undefined && owner.started !== null) return started === owner.started;
  try {
    process.kill(owner.pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/** Clock ticks after boot at which a process started, from /proc; undefined where it cannot be read. */
function startTime(pid: number): string | undefined {
  try {
    const line = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The second field is the program's name in brackets, which may itself hold blanks and brackets.
    return line.slice(line.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

/** When something in the folder was last written, or the folder itself changed. */
async function lastWrite(folder: string): Promise<number> {
  try {
    let newest = (await stat(folder)).mtimeMs;
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
      newest = Math.max(newest, (await stat(join(entry.parentPath, entry.name))).mtimeMs);
    }
    return newest;
  } catch {
    // Something went while we looked: somebody is at work there.
    return Number.POSITIVE_INFINITY;
  }
}
