import { close, open, write, writev } from 'node:fs';
import { Writable } from 'node:stream';

export interface SpoolWriterHooks {
  /** The folder went missing: make it again. */
  makeFolder(): void;
  /** The file is about to have this many bytes; throws where there is no room. */
  account(size: number): void;
  /** Turns a failure of the file system into what a person should read. */
  explain(error: unknown): Error;
}

/** Truncates the file and writes to it; every byte is accounted for before it is written. */
export function createSpoolWriter(path: string, hooks: SpoolWriterHooks): Writable {
  let fd = -1;
  let size = 0;

  function openFile(again: boolean, done: (error?: Error | null) => void): void {
    open(path, 'w', 0o600, (error, opened) => {
      if (error?.code === 'ENOENT' && again) {
        try {
          hooks.makeFolder();
        } catch (failure) {
          done(hooks.explain(failure));
          return;
        }
        openFile(false, done);
        return;
      }
      if (error === null) fd = opened;
      done(error === null ? null : hooks.explain(error));
    });
  }

  /** Room is asked for first. The file's own record grows only by what was written, so that a full disk can be told of exactly. */
  function reserve(bytes: number): Error | undefined {
    try {
      hooks.account(size + bytes);
      return undefined;
    } catch (error) {
      return asError(error);
    }
  }

  function writeAll(chunk: Buffer, done: (error?: Error | null) => void): void {
    write(fd, chunk, 0, chunk.length, null, (error, written) => {
      if (error !== null) {
        done(hooks.explain(error));
        return;
      }
      size += written;
      if (written < chunk.length) writeAll(chunk.subarray(written), done);
      else done();
    });
  }

  return new Writable({
    highWaterMark: 1 << 20,
    decodeStrings: true,
    construct(callback) {
      openFile(true, callback);
    },
    write(chunk: Buffer, _encoding, callback) {
      const full = reserve(chunk.length);
      if (full !== undefined) callback(full);
      else writeAll(chunk, callback);
    },
    writev(chunks, callback) {
      const buffers: Buffer[] = chunks.map(({ chunk }) => chunk);
      const bytes = buffers.reduce((sum, buffer) => sum + buffer.length, 0);
      const full = reserve(bytes);
      if (full !== undefined) {
        callback(full);
        return;
      }
      writev(fd, buffers, null, (error, written) => {
        if (error !== null) {
          callback(hooks.explain(error));
          return;
        }
        size += written;
        if (written < bytes) writeAll(Buffer.concat(buffers).subarray(written), callback);
        else callback();
      });
    },
    destroy(error, callback) {
      if (fd < 0) {
        callback(error);
        return;
      }
      close(fd, (failure) => callback(error ?? failure ?? null));
    },
  });
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
