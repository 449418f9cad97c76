import { ExportdError } from '../../core/errors.ts';

/** What BigQuery, or the way to it, said to one request or of one job. Its text may quote rows: it is never shown whole. */
export class BigQueryFailure extends Error {
  override readonly name = 'BigQueryFailure';
  /** Of the HTTP answer; undefined where none came, or a job failed. */
  readonly status: number | undefined;
  /** As BigQuery names it, e.g. `rateLimitExceeded`; a system's code (`ECONNRESET`) where no answer came. */
  readonly reason: string | undefined;
  /** The job that failed; undefined where the request did. */
  readonly job: string | undefined;

  constructor(message: string, said: { status?: number | undefined; reason?: string | undefined; job?: string }) {
    super(message);
    this.status = said.status;
    this.reason = said.reason;
    this.job = said.job;
  }
}

interface ErrorBody {
  readonly error?:
    | { readonly message?: string; readonly errors?: readonly { readonly reason?: string }[] }
    | string
    | undefined;
  readonly error_description?: string;
}

/** Of what a request threw. The error itself goes no further: it holds the request, with its token. */
export function requestFailure(thrown: unknown): BigQueryFailure {
  const { response, code, message } = thrown as {
    readonly response?: { readonly status?: number; readonly data?: unknown };
    readonly code?: unknown;
    readonly message?: unknown;
  };
  const text = typeof message === 'string' ? message : '';
  const body = (typeof response?.data === 'object' ? response.data : undefined) as ErrorBody | null | undefined;
  if (typeof body?.error === 'string') {
    // OAuth's own words: no token was given.
    return new BigQueryFailure(`${body.error}: ${body.error_description ?? ''}`, { reason: 'credentials' });
  }
  const [first] = body?.error?.errors ?? [];
  // Whatever the network does has a code; what has none, or is about a file, comes from looking for credentials.
  const fromFile = typeof code === 'string' && /^(ENOENT|EACCES|EISDIR|ENOTDIR)$/.test(code);
  if (response?.status === undefined && (code === undefined || fromFile)) {
    return new BigQueryFailure(text, { reason: 'credentials' });
  }
  return new BigQueryFailure(body?.error?.message ?? text, {
    status: response?.status,
    reason: first?.reason ?? (typeof code === 'string' ? code : undefined),
  });
}

/** conflict: another commit on the table won. busy: later it may work. lost: nobody knows whether it was done. */
export type FailureKind =
  | 'conflict'
  | 'busy'
  | 'lost'
  | 'quota'
  | 'denied'
  | 'credentials'
  | 'missing'
  | 'exists'
  | 'other';

/** The second is the emulator's wording. */
const CONFLICT = /aborted due to concurrent update|Failed to commit DuckLake transaction|could not serialize access/i;

const BY_REASON: Readonly<Record<string, FailureKind>> = {
  rateLimitExceeded: 'busy',
  jobRateLimitExceeded: 'busy',
  userRateLimitExceeded: 'busy',
  backendError: 'busy',
  jobBackendError: 'busy',
  internalError: 'busy',
  jobInternalError: 'busy',
  tableUnavailable: 'busy',
  quotaExceeded: 'quota',
  bytesBilledLimitExceeded: 'quota',
  accessDenied: 'denied',
  forbidden: 'denied',
  billingNotEnabled: 'denied',
  authError: 'credentials',
  required: 'credentials',
  credentials: 'credentials',
  notFound: 'missing',
  duplicate: 'exists',
};

/** Decided by the reason; a code alone says too little (a daily quota and a rate limit are both 403). */
export function kindOf({ status, reason, message, job }: BigQueryFailure): FailureKind {
  if (CONFLICT.test(message)) return 'conflict';
  const known = reason === undefined ? undefined : BY_REASON[reason];
  if (known !== undefined) return known;
  if (job !== undefined) return 'other';
  if (status === 401) return 'credentials';
  if (status === 403) return 'denied';
  if (status === 404) return 'missing';
  if (status === 409) return 'exists';
  if (status === 429) return 'busy';
  if (status === undefined || status === 408 || status >= 500) return 'lost';
  return 'other';
}

/** Whether the same request may work later. */
export function heals(failure: BigQueryFailure): boolean {
  return ['conflict', 'busy', 'lost'].includes(kindOf(failure));
}

/** False where the request may have been carried out although its answer is a failure, or none came. */
export function wasRefused(failure: BigQueryFailure): boolean {
  if (failure.status === undefined) return failure.reason === 'credentials' || failure.reason === 'ECONNREFUSED';
  return failure.status >= 400 && failure.status < 500 && failure.status !== 408;
}

/** What was being done, for a message: `reading the ledger`; and how much it stops. */
export interface Doing {
  /** The destination's name. */
  readonly destination: string;
  readonly what: string;
  /** True where the failure means that a transaction was rolled back. */
  readonly committing?: boolean;
}

/** What a person is told, and a run decides by. Errors that are not BigQuery's are bugs, or ours, and pass as they are. */
export function told(thrown: unknown, { destination, what, committing = false }: Doing): unknown {
  if (!(thrown instanceof BigQueryFailure)) return thrown;
  const kind = kindOf(thrown);
  const place = `destination ${destination}: ${what}`;
  const job = thrown.job === undefined ? '' : ` (job ${thrown.job})`;
  switch (kind) {
    case 'credentials':
      return new ExportdError(
        'DESTINATION_UNREACHABLE',
        `${place}: no credentials that Google accepts (${quotable(thrown)})`,
        {
          scope: 'destination',
          hint: 'Run `gcloud auth application-default login`, or set key_file, or give the workload a service account.',
        },
      );
    case 'denied':
      return new ExportdError('ACCESS_DENIED', `${place}: ${quotable(thrown)}${job}`, {
        scope: 'destination',
        hint: 'Run `exportd doctor`: it names each missing permission and the role that grants it.',
      });
    case 'quota':
      return new ExportdError('QUOTA_EXCEEDED', `${place}: ${quotable(thrown)}${job}`, {
        scope: 'destination',
        hint: 'Raise the quota or maximum_bytes_billed. What is due stays due.',
      });
    case 'missing':
      return new ExportdError(
        committing ? 'COMMIT_FAILED' : 'DESTINATION_UNREACHABLE',
        `${place}: ${quotable(thrown)}${job}`,
        {
          scope: committing ? 'table' : 'destination',
          hint: committing ? 'Somebody dropped it during the run: the next run makes it again.' : undefined,
        },
      );
    default:
      break;
  }
  if (committing) {
    return new ExportdError('COMMIT_FAILED', `${place}: nothing was changed (${reasonOf(thrown, kind)})${job}`, {
      scope: 'table',
      retryable: heals(thrown),
    });
  }
  return new ExportdError('DESTINATION_UNREACHABLE', `${place} failed (${reasonOf(thrown, kind)})${job}`, {
    scope: 'destination',
    retryable: heals(thrown),
  });
}

function reasonOf({ reason, status }: BigQueryFailure, kind: FailureKind): string {
  if (kind === 'conflict') return 'another commit on the table came first';
  return reason ?? (status === undefined ? 'no answer' : `HTTP ${status}`);
}

/** Of refusals that speak of permissions, quotas and names alone. */
function quotable({ message }: BigQueryFailure): string {
  return message.split('\n', 1)[0]?.slice(0, 300) ?? '';
}
