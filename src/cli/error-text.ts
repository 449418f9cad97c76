import type { ConfigError, ProblemDocument } from '../config/problems.ts';
import { type ErrorCode, ExportdError } from '../core/errors.ts';
import { callsOf } from '../stack.ts';
import type { Paint } from './output.ts';
import { counted } from './phrases.ts';
import { printable } from './table.ts';

/** What a program is told of an error. */
export interface ErrorDocument {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string | undefined;
  /** `file:line:column` in the config. */
  readonly place?: string | undefined;
  /** Of a config: every one of its errors, with its place. */
  readonly problems?: readonly ProblemDocument[] | undefined;
}

/** `error CODE: message`; where in the config, if anywhere, and what to do about it, on lines of their own. */
export function errorLines(error: ExportdError, paint: Paint, place?: string): string[] {
  return [
    `${paint('red', `error ${error.code}:`)} ${printableLines(error.message)}`,
    ...(place === undefined ? [] : [`  ${paint('cyan', 'at:')} ${place}`]),
    ...(error.hint === undefined ? [] : [`  ${paint('cyan', 'hint:')} ${printableLines(error.hint)}`]),
  ];
}

/** Every error of a config with its line and a caret, then how many there are. */
export function configErrorLines(error: ConfigError, paint: Paint): string[] {
  return [printableLines(error.message), '', `${paint('red', `error ${error.code}:`)} ${configErrorsInWords(error)}`];
}

export function configErrorsInWords({ problems }: ConfigError): string {
  const errors = problems.filter((problem) => problem.severity === 'error').length;
  return `${counted(errors, 'error')} in the config`;
}

export function errorDocument({ code, message, hint }: ExportdError): ErrorDocument {
  return { code, message, hint };
}

/**
 * What ended a command, as an ExportdError. Anything else is a bug of ours, of which only the kind and the place in the
 * code are told: a message of a driver or of JSON.parse quotes what it read.
 */
export function toldOf(thrown: unknown): ExportdError {
  if (thrown instanceof ExportdError) return thrown;
  // Closing something failed after the command had: what it failed of is the news.
  if (thrown instanceof SuppressedError) return toldOf(thrown.suppressed);
  const kind = thrown instanceof Error ? thrown.constructor.name : typeof thrown;
  const quotesNothing = thrown instanceof TypeError || thrown instanceof RangeError || thrown instanceof ReferenceError;
  const message = quotesNothing || isSystemError(thrown) ? `${kind}: ${thrown.message}` : `unexpected ${kind}`;
  return new ExportdError('INTERNAL', message, {
    scope: 'config',
    hint: ['this is a bug in exportd; please report it with these lines:', ...callsOf(thrown)].join('\n'),
  });
}

/** `ENOENT: no such file or directory, open '…'`: Node's own words, with a path at most. */
function isSystemError(thrown: unknown): thrown is NodeJS.ErrnoException {
  return thrown instanceof Error && 'syscall' in thrown && 'errno' in thrown;
}

function printableLines(text: string): string {
  return text.split('\n').map(printable).join('\n');
}
