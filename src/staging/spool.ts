import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { lstat, mkdir, rm, stat } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { ExportdError } from '../core/errors.ts';
import { hostOf, ownerText, removeStale } from './spool-owner.ts';
import { createSpoolWriter } from './spool-writer.ts';

/** One file below the spool limit. Disposing deletes it; a killed process's files go at the next start. */
export interface SpoolFile extends AsyncDisposable {
  readonly path: string;
  /** Truncates, then writes. Fails with SPOOL_FULL (period, retryable) where the limit or the disk is reached. May be called again for a new attempt. */
  writable(): Writable;
  /** Counts what another writer (DuckDB) put at `path`; fails with SPOOL_FULL as above. */
  measure(): Promise<number>;
}

/**
 * `spool_dir/<instance>/`, mode 0700: bodies as they came for as long as a period is in hand, and nothing after exit.
 * Disposing removes the folder.
 */
export interface Spool extends AsyncDisposable {
  readonly directory: string;
  /** For temporary files of DuckDB and of drivers; inside `directory`. */
  readonly temporaryDirectory: string;
  /** A new file; `suffix` with its dot, e.g. `.csv`. Makes the folder again where it went missing. */
  file(suffix: string): SpoolFile;
  /** False where the exportd of that name is this process, or is known to have ended: one of this host without a folder here. */
  mayRun(instance: string): boolean;
}

export interface SpoolOptions {
  /** `daemon.spool_dir`; undefined: a folder of this user's own under the system's temp. */
  readonly directory: string | undefined;
  /** Bytes that all files together may have. */
  readonly limit: number;
  /** `<hostname>/<8 hex digits made at start>`. */
  readonly instance: string;
}

/**
 * Makes this process's folder, and removes those of processes that are gone.
 * Throws SPOOL_FAILED (config) where the folder cannot be made, or is not ours.
 */
export async function openSpool(options: SpoolOptions): Promise<Spool> {
  const { limit, instance } = options;
  const base = options.directory ?? (await defaultDirectory());
  const folderOf = (name: string) => join(base, name.replaceAll(/[^A-Za-z0-9._-]+/g, '-'));
  const directory = folderOf(instance);
  const temporaryDirectory = join(directory, 'tmp');
  const owner = ownerText(instance);

  let isClosed = false;

  /** Also where it went missing; never after the spool was closed, by a request that was given up a moment before. */
  function makeFolder(): void {
    if (isClosed) throw new Error('the spool is closed');
    mkdirSync(temporaryDirectory, { recursive: true, mode: 0o700 });
    const path = join(directory, 'owner');
    if (!existsSync(path)) writeFileSync(path, owner, { mode: 0o600 });
  }

  try {
    makeFolder();
    await removeStale(base, directory);
  } catch (error) {
    throw folderRefused(base, errorCode(error) ?? 'unknown error');
  }

  /** A daemon that read its config again may have two folders for a while. */
  function isAnothers(folder: string): boolean {
    try {
      return readFileSync(join(folder, 'owner'), 'utf8') !== owner;
    } catch {
      return existsSync(folder);
    }
  }

  const sizes = new Map<string, number>();
  let total = 0;
  let made = 0;

  /** Says that a file has `size` bytes; throws SPOOL_FULL where that is more than there is room for. */
  function account(path: string, size: number): void {
    const others = total - (sizes.get(path) ?? 0);
    if (others + size > limit) {
      throw spoolFull(
        `the spool limit of ${bytes(limit)} is reached: this file needs at least ${bytes(size)}, others hold ${bytes(others)}`,
        others === 0 ? 'raise daemon.spool_limit' : 'raise daemon.spool_limit, or lower the concurrency of the source',
      );
    }
    sizes.set(path, size);
    total = others + size;
  }

  /** Why the file system did not take a file's bytes. */
  function explain(error: unknown, path: string): ExportdError {
    const code = errorCode(error) ?? 'unknown error';
    if (code !== 'ENOSPC' && code !== 'EDQUOT') {
      return new ExportdError('SPOOL_FAILED', `the spool folder ${directory} cannot be written to: ${code}`, {
        scope: 'period',
        retryable: true,
        hint: 'check the folder and its disk, or set daemon.spool_dir to another one',
      });
    }
    return spoolFull(
      `the disk of ${base} is full: this file needs at least ${bytes(sizes.get(path) ?? 0)}, the whole spool ${bytes(total)}`,
      'free space there, or set daemon.spool_dir to a folder on a larger disk',
    );
  }

  return {
    directory,
    temporaryDirectory,
    file(suffix) {
      try {
        makeFolder();
      } catch (error) {
        throw explain(error, directory);
      }
      made += 1;
      const path = join(directory, `${String(made).padStart(6, '0')}${suffix}`);
      let writer: Writable | undefined;
      return {
        path,
        writable() {
          account(path, 0);
          writer = createSpoolWriter(path, {
            makeFolder,
            account: (size) => account(path, size),
            explain: (error) => explain(error, path),
          });
          return writer;
        },
        async measure() {
          const { size } = await stat(path);
          account(path, size);
          return size;
        },
        async [Symbol.asyncDispose]() {
          if (writer !== undefined) await closed(writer);
          account(path, 0);
          sizes.delete(path);
          await rm(path, { force: true });
        },
      };
    },
    mayRun: (other) => hostOf(other) !== hostOf(instance) || isAnothers(folderOf(other)),
    async [Symbol.asyncDispose]() {
      isClosed = true;
      // A file that was just being opened may appear while its folder is emptied.
      await rm(directory, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** An attempt that is still writing, or about to open its file, would make the file again. */
async function closed(writer: Writable): Promise<void> {
  if (writer.closed) return;
  await new Promise<void>((resolve) => {
    writer.once('close', resolve).destroy();
  });
}

/** A folder of this user's own under the system's temp. In a shared temp somebody else could have made it first. */
async function defaultDirectory(): Promise<string> {
  const uid = process.getuid?.();
  const directory = join(tmpdir(), `exportd-${uid ?? userInfo().username}`);
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const made = await lstat(directory);
    if (made.isDirectory() && (uid === undefined || made.uid === uid)) return directory;
  } catch (error) {
    throw folderRefused(directory, errorCode(error) ?? 'unknown error');
  }
  throw folderRefused(directory, 'it belongs to somebody else');
}

function folderRefused(directory: string, reason: string): ExportdError {
  return new ExportdError('SPOOL_FAILED', `the spool folder ${directory} cannot be used: ${reason}`, {
    scope: 'config',
    hint: 'set daemon.spool_dir to a folder that exportd may write to',
  });
}

function spoolFull(message: string, hint: string): ExportdError {
  return new ExportdError('SPOOL_FULL', message, { scope: 'period', retryable: true, hint });
}

/** An amount for people; powers of ten, as in the config. */
function bytes(count: number): string {
  if (count < 1e6) return `${count} bytes`;
  return count < 1e9 ? `${(count / 1e6).toFixed(1)} MB` : `${(count / 1e9).toFixed(2)} GB`;
}

function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
