import { ExportdError } from '../../core/errors.ts';

/** What a message needs to know of the destination. */
interface Place {
  readonly name: string;
  readonly path: string;
  readonly lockTimeout: number;
}

/**
 * DuckDB's errors are text, and quote whole rows. Nothing of that text goes on but what is picked out here: the kind
 * before the first colon, a version number, a program's name and PID.
 */
function textOf(error: unknown): string {
  return error instanceof Error ? error.message : '';
}

/** `IO Error`, `Out of Memory Error`, …; undefined where the error is not DuckDB's. */
function kindOf(error: unknown): string | undefined {
  return /^((?:[A-Za-z]+ )+?Error): /.exec(textOf(error))?.[1];
}

/** Who holds the file, where the error says that another process does. Program and PID as DuckDB found them. */
export function holderOf(error: unknown): string | undefined {
  const text = textOf(error);
  if (!text.includes('Could not set lock on file')) return undefined;
  const found = /lock is held in (?:(\S.*?) )?\(?PID (\d+)\)?/.exec(text);
  if (found === null) return 'another process';
  return found[1] === undefined ? `the process with PID ${found[2]}` : `${found[1]} (PID ${found[2]})`;
}

export function lockedError(place: Place, holder: string): ExportdError {
  return new ExportdError(
    'DUCKDB_LOCKED',
    `destination ${place.name}: ${place.path} is in use by ${holder}; waited ${place.lockTimeout / 1000} s`,
    {
      scope: 'destination',
      hint: 'Close the file there, or raise daemon.lock_timeout. What is due stays due: the next run loads it.',
    },
  );
}

/** True where DuckDB could not make sense of file and write-ahead log together: only an open that may write puts some right. */
export function isUnreplayed(error: unknown): boolean {
  return /Corrupt database file|replaying (checkpoint )?WAL|WAL was created for/.test(textOf(error));
}

/** Why the file could not be opened, or its folder not made. */
export function openError(place: Place, error: unknown): unknown {
  if (error instanceof ExportdError) return error;
  const text = textOf(error);
  const because = (reason: string, hint: string) =>
    new ExportdError('DESTINATION_UNREACHABLE', `destination ${place.name}: ${place.path} ${reason}`, {
      scope: 'destination',
      hint,
    });
  if (isFull(text)) return fullError(place);
  const version = /database file with version number (\d+)/.exec(text)?.[1];
  if (version !== undefined) {
    return because(
      `was written by another version of DuckDB (storage version ${version})`,
      'Upgrade exportd, or give `path:` another file.',
    );
  }
  if (text.includes('not a valid DuckDB database file')) {
    return because('is not a DuckDB file', 'Give `path:` another file, or move this one away.');
  }
  if (isUnreplayed(error)) {
    return because(
      'is damaged: DuckDB cannot read it',
      'Restore it, or move it away: exportd loads what the source keeps.',
    );
  }
  if (/EACCES|EPERM|Permission denied/.test(text)) {
    return because(
      'cannot be opened: permission denied',
      'Let the user that runs exportd read and write file and folder.',
    );
  }
  if (/EROFS|Read-only file system/.test(text)) {
    return because('lies on a read-only file system', 'Give `path:` a file in a folder that can be written.');
  }
  if (/EISDIR|Is a directory/.test(text)) return because('is a folder', 'Give `path:` the name of a file in it.');
  if (/EEXIST|ENOTDIR|Not a directory/.test(text)) {
    return because('lies below something that is not a folder', 'Correct `path:`.');
  }
  if (/ENOENT|No such file/.test(text))
    return because('is in a folder that is not there', 'Make the folder, or correct `path:`.');
  if (kindOf(error) === undefined && !(error instanceof Error && 'code' in error)) return error;
  return because(
    `could not be opened (${kindOf(error) ?? 'file system error'})`,
    'Try to open it with the duckdb command.',
  );
}

/** Why a statement failed while the file was open. Errors that are not DuckDB's are bugs, and pass as they are. */
export function statementError(place: Place, reading: boolean, error: unknown): unknown {
  const kind = kindOf(error);
  if (error instanceof ExportdError || kind === undefined) return error;
  if (isFull(textOf(error))) return fullError(place);
  if (kind === 'Out of Memory Error') {
    return new ExportdError('MEMORY_LIMIT', `destination ${place.name}: ${place.path}: out of memory`, {
      scope: 'table',
      hint: 'Raise daemon.memory_limit.',
    });
  }
  return reading
    ? new ExportdError(
        'DESTINATION_UNREACHABLE',
        `destination ${place.name}: ${place.path} could not be read (${kind})`,
        {
          scope: 'destination',
          retryable: true,
        },
      )
    : new ExportdError('COMMIT_FAILED', `destination ${place.name}: ${place.path}: nothing was changed (${kind})`, {
        scope: 'table',
        retryable: true,
      });
}

function isFull(text: string): boolean {
  return /No space left on device|Disk quota exceeded|ENOSPC|EDQUOT|File too large/.test(text);
}

function fullError(place: Place): ExportdError {
  return new ExportdError('DESTINATION_FULL', `destination ${place.name}: no room on the disk of ${place.path}`, {
    scope: 'destination',
    retryable: true,
    hint: 'Free some space. Nothing was changed; what is due stays due.',
  });
}
