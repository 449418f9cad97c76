import type { ErrorCode } from '../core/errors.ts';
import { ExportdError } from '../core/errors.ts';
import type { Instant } from '../core/words.ts';
import type { LogLevel } from '../log.ts';
import type { Output } from './output.ts';

/** 0 all well; 1 something could not be planned, failed or was held; 2 wrong config or usage; 141 nobody reads the output. */
export type Exit = 0 | 1 | 2 | 141 | 'interrupted';

/** What every command is given beside its own options. */
export interface CommandContext {
  /** `--config`, or EXPORTD_CONFIG, or `./config`. */
  readonly config: string;
  readonly output: Output;
  /** undefined where `--log-level` was not given. */
  readonly logLevel: LogLevel | undefined;
  /** The first SIGINT or SIGTERM: nothing new starts. */
  readonly stop: AbortSignal;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: () => Instant;
}

/** A wrong command line: exit 2. */
export function usageError(message: string, hint?: string): ExportdError {
  return new ExportdError('USAGE', message, { scope: 'config', hint });
}

const WRONG: ReadonlySet<ErrorCode> = new Set(['USAGE', 'CONFIG_INVALID']);

export function exitOf(error: unknown): Exit {
  return error instanceof ExportdError && WRONG.has(error.code) ? 2 : 1;
}

/** What a command that was told to stop ends with, whatever its last call threw. */
export function stoppedError(): ExportdError {
  return new ExportdError('INTERRUPTED', 'stopped before the command was done', { scope: 'config' });
}
