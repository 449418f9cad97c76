/** An answer given instead of the export's, or of the download's. */
type Instead =
  /** 429. Without `retryAfter` no such header; an array sends the header several times. */
  | { readonly kind: 'rate-limited'; readonly retryAfter?: string | readonly string[] }
  /** Any status: 500, 503, 401, 403 … `body` a text, or an object sent as JSON. */
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly body?: string | object;
      readonly headers?: Readonly<Record<string, string | readonly string[]>>;
    }
  /** A load balancer's page; 502 unless said otherwise. */
  | { readonly kind: 'html'; readonly status?: number }
  /** 404 NOT_FOUND as for a period without usage. */
  | { readonly kind: 'not-found' }
  /** 400 USAGE_EXPORT_TOO_LARGE. */
  | { readonly kind: 'too-large' }
  /** 307 unless said otherwise. */
  | { readonly kind: 'redirect'; readonly to: string; readonly status?: number }
  /** The storage host's 403 for a URL past its time; the URL stays dead. Falls on downloads. */
  | { readonly kind: 'expired' };

/** The true answer, with its way disturbed. */
type Disturbed =
  /** The connection is reset before any byte of the answer. */
  | { readonly kind: 'reset' }
  /** Nothing is answered until the fault is lifted. */
  | { readonly kind: 'hang' }
  /** The answer's headers come this much later. */
  | { readonly kind: 'delay'; readonly ms: number };

/** The response that carries the rows, spoilt: the download (CSV) or the answer itself (JSON). */
type SpoiltBody =
  /** Full Content-Length, half of the bytes, then the connection is reset. */
  | { readonly kind: 'cut' }
  /** Half of the records, cut at the end of one, with a clean end. */
  | { readonly kind: 'cut-at-record' }
  /** Half of the bytes, cut inside a record, with a clean end. */
  | { readonly kind: 'cut-in-record' }
  /** One record more than recordCount says. */
  | { readonly kind: 'longer' }
  /** `bytes` a write (1), one write every `ms` (1). */
  | { readonly kind: 'trickle'; readonly bytes?: number; readonly ms?: number }
  /** Half of the bytes, then nothing until the fault is lifted. */
  | { readonly kind: 'hang-in-body' }
  /** Content-Encoding: gzip, whole. */
  | { readonly kind: 'gzip' }
  /** Content-Encoding: gzip without its last `bytes` (10), with a clean end. */
  | { readonly kind: 'gzip-cut'; readonly bytes?: number };

/** The export's answer, with wrong words in it. */
type WrongAnswer =
  /** recordCount is off by this much. */
  | { readonly kind: 'wrong-count'; readonly by: number }
  /** These keys of `data` (CSV) or `metadata` (JSON) replace the true ones: a hostile downloadUrl, filePath … */
  | { readonly kind: 'answer'; readonly set: Readonly<Record<string, unknown>> };

export type Fault = (Instead | Disturbed | SpoiltBody | WrongAnswer) & {
  /** How many requests it falls on; 1 unless said otherwise. */
  readonly times?: number | 'always';
  /**
   * Only requests that contain this text in method, path and body, as in `POST /export/users/csv {"from":{"date":
   * "2026-11-23T00:00:00.000Z",…`, `GET /files/users-usage/ws-1/users-usage-2026-11-23-….csv`. A local date fits both.
   */
  readonly match?: string;
  /** Which request it falls on, where its kind leaves a choice (Instead and Disturbed); `export` unless said otherwise. */
  readonly on?: 'export' | 'download';
};

/** A fault in force. */
export interface PlantedFault {
  readonly hits: number;
  /** Ends the fault; answers that it holds back go on. */
  lift(): void;
}

/** Which response a request gets: `rows` where that response carries the rows. */
export type Station = { readonly on: 'export' | 'download'; readonly rows: boolean };

/** One fault as it falls on one request. */
export interface Hit {
  readonly fault: Fault;
  readonly lifted: Promise<void>;
}

const BODY_KINDS: ReadonlySet<Fault['kind']> = new Set([
  'cut',
  'cut-at-record',
  'cut-in-record',
  'longer',
  'trickle',
  'hang-in-body',
  'gzip',
  'gzip-cut',
]);

/** The faults in force; the oldest that fits a request falls on it, one a request. */
export class Faults {
  readonly #planted = new Set<{ fault: Fault; left: number; hits: number; lift: () => void; lifted: Promise<void> }>();

  plant(fault: Fault): PlantedFault {
    const { promise: lifted, resolve } = Promise.withResolvers<void>();
    const left = fault.times === 'always' ? Number.POSITIVE_INFINITY : (fault.times ?? 1);
    const planted = { fault, left, hits: 0, lifted, lift: resolve };
    this.#planted.add(planted);
    return {
      get hits() {
        return planted.hits;
      },
      lift: () => {
        this.#planted.delete(planted);
        resolve();
      },
    };
  }

  take(station: Station, text: string): Hit | undefined {
    for (const planted of this.#planted) {
      const { fault } = planted;
      if (planted.left <= 0 || !fallsOn(fault, station) || !text.includes(fault.match ?? '')) continue;
      planted.left -= 1;
      planted.hits += 1;
      return { fault, lifted: planted.lifted };
    }
    return undefined;
  }

  liftAll(): void {
    for (const planted of this.#planted) planted.lift();
    this.#planted.clear();
  }
}

function fallsOn(fault: Fault, station: Station): boolean {
  if (BODY_KINDS.has(fault.kind)) return station.rows;
  if (fault.kind === 'expired') return station.on === 'download';
  if (fault.kind === 'answer' || fault.kind === 'wrong-count') return station.on === 'export';
  return station.on === (fault.on ?? 'export');
}

/** A short answer: what an `Instead` fault sends. */
export interface ShortAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body: string | object;
}

export const NOT_FOUND = {
  status: 404,
  headers: {},
  body: { message: 'No usage data found for the selected period', code: 'NOT_FOUND' },
} as const satisfies ShortAnswer;

/** An error as object stores word it. */
export function storageError(status: number, code: string, message: string): ShortAnswer {
  const xml = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${message}</Message></Error>`;
  return { status, headers: { 'content-type': 'application/xml' }, body: xml };
}

/** The storage host's answer to a URL past its time. */
export const EXPIRED = storageError(403, 'AccessDenied', 'Request has expired');

/** What is answered instead, or undefined where the fault lets the true answer come. */
export function insteadOf(fault: Fault): ShortAnswer | undefined {
  switch (fault.kind) {
    case 'rate-limited':
      return {
        status: 429,
        headers: fault.retryAfter === undefined ? {} : { 'retry-after': fault.retryAfter },
        body: { message: 'Too many requests' },
      };
    case 'status':
      return { status: fault.status, headers: fault.headers ?? {}, body: fault.body ?? { message: 'Planted fault' } };
    case 'html':
      return {
        status: fault.status ?? 502,
        headers: { 'content-type': 'text/html' },
        body: '<html><head><title>Bad Gateway</title></head><body><h1>Bad Gateway</h1></body></html>',
      };
    case 'not-found':
      return NOT_FOUND;
    case 'too-large':
      return {
        status: 400,
        headers: {},
        body: { message: 'The export would scan more than 1000000 usage rows', code: 'USAGE_EXPORT_TOO_LARGE' },
      };
    case 'redirect':
      return { status: fault.status ?? 307, headers: { location: fault.to }, body: '' };
    case 'expired':
      return EXPIRED;
    default:
      return undefined;
  }
}
