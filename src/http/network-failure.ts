import { ExportdError, type Scope } from '../core/errors.ts';
import { because, shownUrl } from './shown.ts';

/** What Node says of a certificate that does not hold; none of them heals by asking again. */
const CERTIFICATE_CODES = new Set([
  'CERT_CHAIN_TOO_LONG',
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_REJECTED',
  'CERT_REVOKED',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'HOSTNAME_MISMATCH',
  'INVALID_CA',
  'INVALID_PURPOSE',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

/** Why no answer came, said so that a person can act on it. */
export function networkFailure(
  error: unknown,
  url: URL,
  { timeout, stops }: { timeout: number; stops: Scope },
): ExportdError {
  if (error instanceof ExportdError) return error;
  const { code, message } = wordsOf(error);
  if (CERTIFICATE_CODES.has(code)) return certificateRefused({ code, message, url, stops });
  if (code === 'UND_ERR_HEADERS_TIMEOUT') {
    return new ExportdError('SOURCE_TIMEOUT', `no answer from ${shownUrl(url)} within ${timeout / 1000} s`, {
      scope: 'period',
      retryable: true,
      hint: 'a large export may take minutes: raise `timeout` of this source, or choose a smaller grain',
    });
  }
  const tried = addressesTried(error);
  const why = tried.length > 0 ? `: tried ${tried.join(', ')}` : because(message === '' ? code : message);
  return new ExportdError('SOURCE_UNREACHABLE', `no answer from ${shownUrl(url)}${why}`, {
    scope: 'period',
    retryable: true,
    hint:
      tried.length > 0
        ? `check that something listens at ${url.host}, and that it can be reached from here`
        : undefined,
  });
}

function certificateRefused(refusal: { code: string; message: string; url: URL; stops: Scope }): ExportdError {
  const { code, message, url, stops } = refusal;
  return new ExportdError('TLS_REFUSED', `the certificate of ${url.host} is not trusted${because(message)} (${code})`, {
    scope: stops,
    hint:
      code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID'
        ? 'its owner must renew it; check the clock of this machine too'
        : "where it is your company's own authority, start exportd with NODE_EXTRA_CA_CERTS=/path/to/ca.pem",
  });
}

/** Each address that refused, with its port: a name may stand for several. */
function addressesTried(error: unknown): string[] {
  const causes = error instanceof Error && error.cause instanceof AggregateError ? [error.cause] : [error];
  const attempts = causes.flatMap((cause): unknown[] => (cause instanceof AggregateError ? cause.errors : [cause]));
  return attempts.flatMap((attempt) => {
    if (!(attempt instanceof Error) || !('address' in attempt) || !('port' in attempt)) return [];
    const address = String(attempt.address);
    return [`${address.includes(':') ? `[${address}]` : address}:${attempt.port} (${wordsOf(attempt).code})`];
  });
}

function wordsOf(error: unknown): { readonly code: string; readonly message: string } {
  if (!(error instanceof Error)) return { code: 'UNKNOWN', message: '' };
  // A proxy's certificate comes wrapped.
  if (error.cause instanceof Error && CERTIFICATE_CODES.has(wordsOf(error.cause).code)) return wordsOf(error.cause);
  return { code: 'code' in error ? String(error.code) : error.name, message: error.message };
}
