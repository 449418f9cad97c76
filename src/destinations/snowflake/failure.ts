import { ExportdError } from '../../core/errors.ts';

/** What Snowflake, its driver, or the way to it, said to one statement. Its text may quote rows: it is never shown whole. */
export class SnowflakeFailure extends Error {
  override readonly name = 'SnowflakeFailure';
  /** Snowflake's, six digits (`002003`); the driver's (`401001`); `deadline` where no answer came in time. */
  readonly code: string;
  /** Of the HTTP answer that was none of Snowflake's; undefined where there was none. */
  readonly status: number | undefined;
  readonly queryId: string | undefined;

  constructor(message: string, said: { code: string; status?: number | undefined; queryId?: string | undefined }) {
    super(message);
    this.code = said.code;
    this.status = said.status;
    this.queryId = said.queryId;
  }
}

/** Of what the driver gave. The error itself goes no further: it may hold the request, with its token. */
export function driverFailure(thrown: unknown): SnowflakeFailure {
  const { code, message, data, response, cause } = thrown as {
    readonly code?: unknown;
    readonly message?: unknown;
    readonly data?: { readonly queryId?: unknown };
    readonly response?: { readonly statusCode?: unknown };
    readonly cause?: { readonly code?: unknown };
  };
  return new SnowflakeFailure(typeof message === 'string' ? message : '', {
    code: String(code ?? cause?.code ?? 'unknown'),
    status: typeof response?.statusCode === 'number' ? response.statusCode : undefined,
    queryId: typeof data?.queryId === 'string' ? data.queryId : undefined,
  });
}

/**
 * conflict: another transaction held the table, or won. session: the session is gone, and with it what it had begun.
 * busy: later it may work. lost: nobody knows whether it was done.
 */
export type FailureKind =
  | 'conflict'
  | 'session'
  | 'busy'
  | 'lost'
  | 'quota'
  | 'credentials'
  | 'denied'
  | 'missing'
  | 'other';

const BY_CODE: Readonly<Record<string, FailureKind>> = {
  '000625': 'conflict',
  '000604': 'busy',
  '000630': 'busy',
  '000606': 'denied',
  '001063': 'denied',
  '002003': 'missing',
  '002043': 'missing',
  '003001': 'denied',
  '003030': 'denied',
  '003041': 'denied',
  '090073': 'quota',
  '090105': 'missing',
  '090106': 'missing',
  '390104': 'session',
  '390111': 'session',
  '390112': 'session',
  '390114': 'session',
  '401004': 'session',
  '407001': 'session',
  '407002': 'session',
  '390100': 'credentials',
  '390101': 'credentials',
  '390102': 'credentials',
  '390144': 'credentials',
  '390186': 'denied',
  '390189': 'denied',
  '390201': 'denied',
  '390303': 'credentials',
  '390318': 'credentials',
  '390422': 'credentials',
  '394304': 'credentials',
  '401001': 'lost',
  '401003': 'lost',
  '402001': 'lost',
  '402002': 'lost',
  deadline: 'lost',
};

/** By Snowflake's words where its code says no more than that a statement failed. */
const CONFLICT = /has locked table|lock .*not yet been released|number of waiters for this lock|deadlock/i;
const QUOTA = /resource monitor .*exceeded its quota|exceeded .*credit quota/i;

export function kindOf({ code, status, message }: SnowflakeFailure): FailureKind {
  if (CONFLICT.test(message)) return 'conflict';
  if (QUOTA.test(message)) return 'quota';
  const known = BY_CODE[code];
  if (known !== undefined) return known;
  if (status === undefined) return 'other';
  if (status === 401) return 'session';
  if (status === 403) return 'denied';
  if (status === 429) return 'busy';
  return status === 408 || status >= 500 ? 'lost' : 'other';
}

/** Whether the same statement may work later. */
function heals(failure: SnowflakeFailure): boolean {
  return ['conflict', 'session', 'busy', 'lost'].includes(kindOf(failure));
}

/** What was being done, for a message: `reading the ledger`; and how much it stops. */
export interface Doing {
  /** The destination's name. */
  readonly destination: string;
  readonly what: string;
  /** True where the failure means that a transaction was rolled back. */
  readonly committing?: boolean;
}

/** What a person is told, and a run decides by. Errors that are not Snowflake's are bugs, or ours, and pass as they are. */
export function told(thrown: unknown, { destination, what, committing = false }: Doing): unknown {
  if (!(thrown instanceof SnowflakeFailure)) return thrown;
  const kind = kindOf(thrown);
  const place = `destination ${destination}: ${what}`;
  const query = thrown.queryId === undefined ? '' : ` (query ${thrown.queryId})`;
  switch (kind) {
    case 'credentials':
      return new ExportdError(
        'DESTINATION_UNREACHABLE',
        `${place}: Snowflake does not accept the user's credentials (${thrown.code})`,
        {
          scope: 'destination',
          hint: 'Check user and account, and that the public key of private_key, or the token, is the one that the user has.',
        },
      );
    case 'denied':
      return new ExportdError('ACCESS_DENIED', `${place}: ${quotable(thrown)}${query}`, {
        scope: 'destination',
        hint: 'Run `exportd doctor`: it names each missing right and the GRANT that gives it.',
      });
    case 'quota':
      return new ExportdError('QUOTA_EXCEEDED', `${place}: ${quotable(thrown)}${query}`, {
        scope: 'destination',
        hint: 'Raise the credit quota of the resource monitor. What is due stays due.',
      });
    case 'missing':
      return new ExportdError(
        committing ? 'COMMIT_FAILED' : 'DESTINATION_UNREACHABLE',
        `${place}: ${quotable(thrown)}${query}`,
        {
          scope: committing ? 'table' : 'destination',
          hint: committing
            ? 'Somebody dropped it during the run: the next run makes it again.'
            : 'Make the database and the schema, and grant USAGE on both: docs/snowflake.md has the statements.',
        },
      );
    default:
      break;
  }
  if (committing) {
    return new ExportdError('COMMIT_FAILED', `${place}: nothing was changed (${reasonOf(thrown, kind)})${query}`, {
      scope: 'table',
      retryable: heals(thrown),
    });
  }
  return new ExportdError('DESTINATION_UNREACHABLE', `${place} failed (${reasonOf(thrown, kind)})${query}`, {
    scope: 'destination',
    retryable: heals(thrown),
  });
}

function reasonOf({ code, status }: SnowflakeFailure, kind: FailureKind): string {
  if (kind === 'conflict') return `another transaction held the table, ${code}`;
  if (code === 'deadline') return 'no answer in time';
  return status === undefined ? code : `HTTP ${status}`;
}

/** What Snowflake said, of refusals that speak of rights, quotas and names alone; without its headline. */
export function quotable({ message }: SnowflakeFailure): string {
  const lines = message.split('\n').filter((line) => !/^SQL (compilation|access control) error:?\s*$/.test(line));
  return lines[0]?.slice(0, 300) ?? '';
}
