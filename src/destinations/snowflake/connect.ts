import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Connection, ConnectionOptions } from 'snowflake-sdk';
import type { Secret } from '../../core/secret.ts';
import { driverFailure, SnowflakeFailure } from './failure.ts';
import { readPrivateKey } from './private-key.ts';

/** How the user proves who it is. */
export type Credentials =
  | { readonly by: 'key'; readonly key: Secret; readonly passphrase: Secret | undefined }
  | { readonly by: 'key file'; readonly path: string; readonly passphrase: Secret | undefined }
  | { readonly by: 'oauth' | 'access token'; readonly token: Secret }
  | {
      readonly by: 'workload identity';
      readonly provider: 'AWS' | 'AZURE' | 'GCP' | 'OIDC';
      readonly token: Secret | undefined;
    }
  | { readonly by: 'password'; readonly password: Secret };

/** Where the destination is, and as whom it is reached. */
export interface Place {
  /** The destination's name in the YAML; for messages. */
  readonly name: string;
  readonly account: string;
  /** Private link, or an emulator; without a slash at its end. undefined: Snowflake's own. */
  readonly url: string | undefined;
  readonly user: string | undefined;
  /** undefined: the user's default. */
  readonly role: string | undefined;
  readonly warehouse: string | undefined;
  readonly database: string;
  readonly schema: string;
  readonly credentials: Credentials;
}

/** What a statement answered: values as texts, in the order of `columns`, which are in lower case. */
export interface Answer {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | null)[])[];
}

export interface Execution {
  /** Milliseconds; the driver's own retries go on for 300 s. */
  readonly deadline: number;
  /** Names what the statement is for in Snowflake's history. */
  readonly tag: string;
  readonly signal?: AbortSignal | undefined;
}

/** One session. */
export interface Link {
  /** Throws SnowflakeFailure; the signal's reason where it is aborted. Whatever is given up is cancelled, if that still works. */
  execute(sql: string, execution: Execution): Promise<Answer>;
  /** Snowflake's word for how a query stands: `RUNNING`, `SUCCESS`, `FAILED_WITH_ERROR`, … */
  status(queryId: string, deadline: number): Promise<string>;
  /** Ends the session; waits for nothing. */
  close(): void;
}

const SILENT = { error() {}, warn() {}, info() {}, debug() {}, trace() {} };

/**
 * What the driver would do as it is loaded: make a folder for certificate answers in the home folder (it keeps them in
 * memory where there can be none), load native code that only names itself, look around for the cloud it is in, and tell how it was called.
 */
const QUIET: Readonly<Record<string, string>> = {
  SF_OCSP_RESPONSE_CACHE_DIR: join(process.execPath, 'none'),
  SNOWFLAKE_DISABLE_MINICORE: 'true',
  SNOWFLAKE_DISABLE_PLATFORM_DETECTION: 'true',
  SF_TELEMETRY_DISABLE_CONNECTION_SHAPE: 'true',
};

/** A new session, by Snowflake's driver. It logs nothing, and nothing is written but what PUT uploads. */
export async function connect(
  place: Place,
  { application, deadline, signal }: { application: string; deadline: number; signal?: AbortSignal | undefined },
): Promise<Link> {
  for (const [name, value] of Object.entries(QUIET)) process.env[name] ??= value;
  const { default: driver } = await import('snowflake-sdk');
  // By default it writes snowflake.log where the process was started, and JSON to its output.
  driver.configure({ customLogger: SILENT, logLevel: 'ERROR' });
  const connection = driver.createConnection({
    account: place.account,
    ...(place.url === undefined ? {} : { accessUrl: place.url }),
    ...(place.user === undefined ? {} : { username: place.user }),
    ...(place.role === undefined ? {} : { role: place.role }),
    ...(place.warehouse === undefined ? {} : { warehouse: place.warehouse }),
    database: place.database,
    schema: place.schema,
    ...(await login(place)),
    application,
    clientSessionKeepAlive: true,
    rowMode: 'array',
    fetchAsString: ['Boolean', 'Number', 'Date', 'JSON'],
    representNullAsStringNull: false,
    disableQueryContextCache: true,
  });
  await within<void>(
    (resolve, reject) => {
      // What comes back is the promise's to tell: the callback has the same error.
      connection.connectAsync((error) => (error ? reject(error) : resolve())).catch(reject);
    },
    { deadline, signal, giveUp: () => close(connection) },
  );
  return {
    execute: (sql, execution) => execute(connection, sql, execution),
    status: (queryId, patience) =>
      within<string>((resolve, reject) => void connection.getQueryStatus(queryId).then(resolve, reject), {
        deadline: patience,
        giveUp: () => undefined,
      }),
    close: () => close(connection),
  };
}

async function execute(connection: Connection, sql: string, { deadline, tag, signal }: Execution): Promise<Answer> {
  let cancel = (): string | undefined => undefined;
  return await within<Answer>(
    (resolve, reject) => {
      const statement = connection.execute({
        sqlText: sql,
        parameters: { QUERY_TAG: tag },
        complete: (error, done, rows) => {
          if (error) reject(error);
          else resolve(answerOf(done.getColumns?.() ?? [], rows ?? []));
        },
      });
      cancel = () => {
        // Nobody waits for the answer.
        statement.cancel(() => undefined);
        return statement.getQueryId();
      };
    },
    { deadline, signal, giveUp: () => cancel() },
  );
}

function answerOf(columns: readonly { getName(): string }[], rows: readonly unknown[]): Answer {
  return {
    columns: columns.map((column) => column.getName().toLowerCase()),
    rows: rows.map((row) => (row as readonly unknown[]).map((value) => (value === null ? null : String(value)))),
  };
}

/** What the driver calls back, within the deadline. `giveUp`: ends it, and tells the query's id where it has one. */
async function within<T>(
  begin: (resolve: (value: T) => void, reject: (error: unknown) => void) => void,
  {
    deadline,
    signal,
    giveUp,
  }: { deadline: number; signal?: AbortSignal | undefined; giveUp: () => string | undefined },
): Promise<T> {
  signal?.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const stop = () => {
    reject(signal?.reason);
    giveUp();
  };
  const timer = setTimeout(() => {
    reject(new SnowflakeFailure('no answer in time', { code: 'deadline', queryId: giveUp() }));
  }, deadline);
  signal?.addEventListener('abort', stop, { once: true });
  try {
    begin(resolve, reject);
    return await promise;
  } catch (error) {
    if (signal?.aborted === true) throw signal.reason;
    throw error instanceof SnowflakeFailure ? error : driverFailure(error);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', stop);
  }
}

/** Best effort: a session that nobody ends ends by itself. */
function close(connection: Connection): undefined {
  try {
    connection.destroy(() => undefined);
  } catch {
    // It never came to be, or is gone.
    return;
  }
}

async function login({ name, credentials }: Place): Promise<Partial<ConnectionOptions>> {
  switch (credentials.by) {
    case 'key': {
      const { key, passphrase } = credentials;
      return { authenticator: 'SNOWFLAKE_JWT', privateKey: readPrivateKey(name, key.reveal(), passphrase?.reveal()) };
    }
    case 'key file': {
      const { path, passphrase } = credentials;
      const text = await readFile(path, 'latin1').catch(() => '');
      return { authenticator: 'SNOWFLAKE_JWT', privateKey: readPrivateKey(name, text, passphrase?.reveal()) };
    }
    case 'oauth':
      return { authenticator: 'OAUTH', token: credentials.token.reveal() };
    case 'access token':
      return { authenticator: 'PROGRAMMATIC_ACCESS_TOKEN', token: credentials.token.reveal() };
    case 'workload identity': {
      const { provider, token } = credentials;
      return {
        authenticator: 'WORKLOAD_IDENTITY',
        workloadIdentityProvider: provider,
        ...(token === undefined ? {} : { token: token.reveal() }),
      };
    }
    case 'password':
      return { password: credentials.password.reveal() };
  }
}
