import { type ErrorCode, ExportdError } from '../core/errors.ts';

/** An answer that is no export: `{message, code}` with its status. The 401 has a message alone, as the API always had. */
export class Refusal extends Error {
  readonly status: number;
  readonly code: string | undefined;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    code: string | undefined,
    message: string,
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
    this.status = status;
    this.code = code;
    this.headers = headers;
  }

  get body(): { readonly message: string; readonly code?: string } {
    return this.code === undefined ? { message: this.message } : { message: this.message, code: this.code };
  }
}

export function badRequest(message: string): Refusal {
  return new Refusal(400, 'BAD_REQUEST', message);
}

/** A period without usage. Its code is for export routes alone: clients take it for an answer. */
export function noUsage(): Refusal {
  return new Refusal(404, 'NOT_FOUND', 'No usage data found for the selected period');
}

/** Something of ours cannot be reached or has no room; asking again is right. What it is, `cause`, stands in the log alone. */
export function unavailable(message: string, cause?: unknown): Refusal {
  const refusal = new Refusal(503, 'SERVICE_UNAVAILABLE', message, { 'retry-after': '30' });
  refusal.cause = cause;
  return refusal;
}

/** Errors that the client caused, and whose words it may read. */
const CLIENT: ReadonlySet<ErrorCode> = new Set(['BAD_REQUEST', 'USAGE_EXPORT_TOO_LARGE']);

/** What a client is told of anything that was thrown. */
export function refusalOf(thrown: unknown): Refusal {
  if (thrown instanceof Refusal) return thrown;
  if (thrown instanceof ExportdError) {
    if (CLIENT.has(thrown.code)) return new Refusal(400, thrown.code, thrown.message);
    if (thrown.code !== 'INTERNAL') return unavailable('The usage store cannot be read at the moment.');
  }
  return fromFastify(thrown) ?? new Refusal(500, 'INTERNAL_SERVER_ERROR', 'Unexpected error.');
}

/** What fastify says of requests that it could not read. Its messages may quote them: ours do not. */
const UNREADABLE: Readonly<Record<string, readonly [status: number, code: string, message: string]>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: [413, 'PAYLOAD_TOO_LARGE', 'The request body is too large'],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: [400, 'BAD_REQUEST', 'Content-Type must be application/json'],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: [400, 'BAD_REQUEST', 'The request body is not as long as Content-Length says'],
};

function fromFastify(thrown: unknown): Refusal | undefined {
  if (!(thrown instanceof Error) || !('statusCode' in thrown)) return undefined;
  const status = Number(thrown.statusCode);
  if (!(status >= 400 && status < 500)) return undefined;
  const known = 'code' in thrown ? UNREADABLE[String(thrown.code)] : undefined;
  return new Refusal(...(known ?? [400, 'BAD_REQUEST', 'The request body must be a JSON object']));
}
