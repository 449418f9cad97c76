import { type ErrorCode, ExportdError, type Scope } from '../core/errors.ts';
import { shownText, shownUrl } from '../http/shown.ts';

/** What ClickHouse said in place of an answer. */
export interface Refusal {
  readonly status: number;
  /** ClickHouse's for the exception; undefined: somebody else answered. */
  readonly number: number | undefined;
  readonly text: string;
  readonly database: string;
}

interface Meaning {
  readonly code: ErrorCode;
  readonly scope: Scope;
  readonly retryable: boolean;
  /** Whether the text names tables, columns, grants or settings, and no value of a row. */
  readonly quotable?: boolean;
  readonly hint: string;
}

const LOGIN: Meaning = {
  code: 'UNAUTHORIZED',
  scope: 'source',
  retryable: false,
  hint: 'check username, and password or jwt, of this source',
};
const GRANT: Meaning = {
  code: 'FORBIDDEN',
  scope: 'source',
  retryable: false,
  quotable: true,
  hint: 'the user needs SELECT on the tables of the usage store, and nothing else (docs/usage-store.md)',
};
const SCHEMA: Meaning = {
  code: 'STORE_OUTDATED',
  scope: 'source',
  retryable: false,
  quotable: true,
  hint: 'run exportd store init; tables and views of your own must have every column (docs/usage-store.md)',
};
const SETTING: Meaning = {
  code: 'FORBIDDEN',
  scope: 'source',
  retryable: false,
  quotable: true,
  hint: 'a read-only user may not send settings: take `settings` out of this source, or give the user readonly = 2',
};
const LOAD: Meaning = {
  code: 'SOURCE_ERROR',
  scope: 'period',
  retryable: true,
  hint: 'it is asked again. Where it goes on: lower concurrency, raise the limit of the user or in `settings`, or choose a smaller grain',
};
const DIALECT: Meaning = {
  code: 'SOURCE_ERROR',
  scope: 'source',
  retryable: false,
  hint: 'this ClickHouse does not know what the reports are written in (docs/usage-store.md says which versions do)',
};
const OTHER: Meaning = { code: 'SOURCE_ERROR', scope: 'period', retryable: true, hint: 'it is asked again' };

/** By ClickHouse's own numbers (src/Common/ErrorCodes.cpp). */
const MEANINGS: ReadonlyMap<number, Meaning> = new Map([
  ...[192, 193, 194, 516].map((code) => [code, LOGIN] as const),
  [497, GRANT],
  // Unknown identifier, function with that type, no such column, unknown table, unknown database, type mismatch.
  ...[47, 43, 16, 60, 81, 53].map((code) => [code, SCHEMA] as const),
  // Unknown function, syntax, unknown format.
  ...[46, 62, 73].map((code) => [code, DIALECT] as const),
  // Read-only, unknown setting, a setting's bounds.
  ...[164, 115, 452].map((code) => [code, SETTING] as const),
  // Too slow, timed out, too many queries, out of memory, killed.
  ...[160, 159, 202, 241, 394].map((code) => [code, LOAD] as const),
]);

const LONGEST_QUOTE = 300;

/** ClickHouse's number for what went wrong, by its header or the start of its text; undefined: it is not ClickHouse's. */
export function exceptionNumber(header: string | undefined, text: string): number | undefined {
  const number = header ?? /^Code: (\d+)\./.exec(text)?.[1];
  return number === undefined ? undefined : Number(number);
}

/** What a refusal means, with ClickHouse's own number and name. Its text is quoted only where no row can be in it. */
export function serverFailure({ status, number, text, database }: Refusal, url: URL): ExportdError {
  if (number === undefined) return notClickHouse(status, url);
  const name = /\(([A-Z][A-Z0-9_]+)\)/.exec(text)?.[1] ?? 'an exception';
  const { code: ours, scope, retryable, quotable, hint } = MEANINGS.get(number) ?? OTHER;
  const said = /DB::Exception: ([^\n]*)/.exec(text)?.[1]?.slice(0, LONGEST_QUOTE);
  const quote = quotable === true && said !== undefined ? `: ${shownText(said)}` : '';
  return new ExportdError(ours, `ClickHouse answered ${number} ${name} (database ${shownText(database)})${quote}`, {
    scope,
    retryable,
    hint,
  });
}

/** A gateway that is busy or has lost the server recovers; anything else is not where `url` should lead. */
function notClickHouse(status: number, url: URL): ExportdError {
  const from = shownUrl(new URL(url.origin + url.pathname));
  if (status === 429 || status >= 500) {
    return new ExportdError('SOURCE_ERROR', `${from} answered ${status} in place of ClickHouse`, {
      scope: 'period',
      retryable: true,
      hint: 'it is asked again. Where it goes on: look at what stands before ClickHouse, and at its time-outs',
    });
  }
  return new ExportdError('WRONG_URL', `${from} answered ${status}, which is not how ClickHouse answers`, {
    scope: 'source',
    hint: 'url must lead to the HTTP interface of ClickHouse (port 8123, or 8443 with TLS)',
  });
}
