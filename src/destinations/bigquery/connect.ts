import { open } from 'node:fs/promises';
import type { AuthClient } from 'google-auth-library';
import { requestFailure } from './failure.ts';
import type { JobResource } from './resources.ts';

/** Where the destination is, and how it is reached. */
export interface Place {
  /** The destination's name in the YAML; for messages. */
  readonly name: string;
  readonly project: string;
  /** Jobs run in this project, which pays for them. */
  readonly billingProject: string;
  readonly dataset: string;
  /** Where batches are staged: a dataset of the same project and location. */
  readonly stagingDataset: string;
  /** undefined: the dataset's own. */
  readonly location: string | undefined;
  /** Without a slash at its end. One that begins with `http:` is an emulator: no credential is sent there. undefined: Google's own. */
  readonly endpoint: string | undefined;
  /** Absolute path of a key file, also of workload identity federation. undefined: application default credentials. */
  readonly keyFile: string | undefined;
  /** E-mail address of a service account to act as. */
  readonly impersonate: string | undefined;
}

export interface Request {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Below `/bigquery/v2`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean>>;
  readonly body?: unknown;
}

/** BigQuery's REST API: one request a call, never repeated, each with a deadline. */
export interface Service {
  /** Throws BigQueryFailure; the signal's reason where it is aborted. */
  send<T>(request: Request, signal?: AbortSignal): Promise<T>;
  /** Starts a load job with a file as its body. Throws BigQueryFailure, or the file system's error. */
  upload(job: JobResource, path: string, signal?: AbortSignal): Promise<JobResource>;
}

/** Milliseconds; the client's own deadlines are not kept under Node. */
const REQUEST_DEADLINE = 60_000;
/** A batch is 128 MB of CSV at most. */
const UPLOAD_DEADLINE = 10 * 60_000;

const GOOGLE = 'https://bigquery.googleapis.com';
const SCOPE = 'https://www.googleapis.com/auth/bigquery';
/** What an account needs that acts as another. */
const IMPERSONATION_SCOPE = 'https://www.googleapis.com/auth/cloud-platform';

/**
 * Google's client, with deadlines of our own and no retries. Requests take its authenticated road and not its jobs and
 * tables: those can put neither labels nor another billing project on a load job, nor be aborted (docs/decisions/0010).
 */
export async function connect(place: Place, userAgent: string): Promise<Service> {
  const root = place.endpoint ?? GOOGLE;
  const { BigQuery } = await import('@google-cloud/bigquery');
  const { authClient } = new BigQuery({
    projectId: place.billingProject,
    apiEndpoint: root,
    ...(await credentials(place)),
    autoRetry: false,
  });

  async function ask<T>(
    options: Parameters<typeof authClient.request>[0],
    deadline: number,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    const timeout = AbortSignal.timeout(deadline);
    try {
      const { data } = await authClient.request<T>({
        ...options,
        headers: { 'user-agent': userAgent },
        responseType: 'json',
        retry: false,
        signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
      });
      return data;
    } catch (error) {
      signal?.throwIfAborted();
      throw requestFailure(error);
    }
  }

  return {
    async send({ method, path, query, body }, signal) {
      signal?.throwIfAborted();
      return await ask(
        {
          url: `${root}/bigquery/v2${path}`,
          method,
          params: { prettyPrint: false, ...query },
          ...(body === undefined ? {} : { data: body }),
        },
        REQUEST_DEADLINE,
        signal,
      );
    },
    async upload(job, path, signal) {
      signal?.throwIfAborted();
      await using file = await open(path);
      return await ask(
        {
          url: `${root}/upload/bigquery/v2/projects/${place.billingProject}/jobs`,
          method: 'POST',
          params: { uploadType: 'multipart', prettyPrint: false },
          multipart: [
            { headers: new Headers({ 'content-type': 'application/json' }), content: JSON.stringify(job) },
            {
              headers: new Headers({ 'content-type': 'application/octet-stream' }),
              content: file.createReadStream({ highWaterMark: 1 << 18, autoClose: false }),
            },
          ],
        },
        UPLOAD_DEADLINE,
        signal,
      );
    },
  };
}

/** How the client proves who it is. */
async function credentials(place: Place): Promise<{ authClient?: AuthClient; keyFilename?: string }> {
  const { GoogleAuth, Impersonated, OAuth2Client } = await import('google-auth-library');
  if (place.endpoint?.startsWith('http:')) {
    const authClient = new OAuth2Client();
    authClient.setCredentials({ access_token: 'none', expiry_date: Number.MAX_SAFE_INTEGER });
    return { authClient };
  }
  const keyFile = place.keyFile === undefined ? {} : { keyFilename: place.keyFile };
  if (place.impersonate === undefined) return keyFile;
  const sourceClient = await new GoogleAuth({ scopes: [IMPERSONATION_SCOPE], ...keyFile }).getClient();
  return {
    authClient: new Impersonated({ sourceClient, targetPrincipal: place.impersonate, targetScopes: [SCOPE] }),
  };
}
