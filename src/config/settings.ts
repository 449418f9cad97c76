import type { Secret } from '../core/secret.ts';
import type { History, Rate, SourceKey } from '../core/words.ts';

/** A Usage Export API, as configured. Times in milliseconds. */
export interface ExportApiConfig {
  readonly type: 'export_api';
  readonly name: string;
  readonly key: SourceKey;
  /** Without a slash at its end; may have a path. */
  readonly baseUrl: string;
  readonly apiKey: Secret;
  readonly format: 'csv' | 'json';
  /** undefined = no limit. */
  readonly rate: Rate | undefined;
  readonly concurrency: number;
  readonly timeout: number;
  /** undefined = for ever. */
  readonly history: History | undefined;
  readonly recordCount: 'strict' | 'warn';
}

/** A usage store in ClickHouse, as configured. Times in milliseconds. */
export interface ClickHouseConfig {
  readonly type: 'clickhouse';
  readonly name: string;
  readonly key: SourceKey;
  /** Without a slash at its end; may have a path. */
  readonly url: string;
  readonly username: string;
  /** At most one of the two. */
  readonly password: Secret | undefined;
  readonly jwt: Secret | undefined;
  readonly database: string;
  readonly workspace: string;
  /** As ClickHouse takes them. */
  readonly settings: Readonly<Record<string, string>>;
  readonly concurrency: number;
  readonly timeout: number;
  /** undefined = for ever. */
  readonly history: History | undefined;
}

/** A DuckDB file, as configured. */
export interface DuckDbConfig {
  readonly type: 'duckdb';
  readonly name: string;
  /** Absolute. */
  readonly path: string;
  readonly schema: string;
}

/** One key of the Usage Export API; of the key itself only a hash is known. */
export interface ApiKeyConfig {
  readonly name: string;
  readonly workspace: string;
  /** `sha256:` and 64 hex digits. */
  readonly hash: string;
  readonly scopes: readonly string[];
}

/** `usage_api:`, what `exportd serve` does. Times in milliseconds. */
export interface UsageApiConfig {
  readonly listen: { readonly host: string; readonly port: number };
  /** Without a slash at its end; undefined = the address that is listened on. */
  readonly publicUrl: string | undefined;
  /** '' or `/api/public`. */
  readonly pathPrefix: string;
  readonly clickHouse: Pick<
    ClickHouseConfig,
    'url' | 'username' | 'password' | 'jwt' | 'database' | 'settings' | 'timeout'
  >;
  readonly signingKey: Secret;
  /** Absolute. */
  readonly filesDir: string;
  readonly urlTtl: number;
  /** Of a workspace; undefined = no limit. */
  readonly rate: Rate | undefined;
  /** Exports of a workspace at once. */
  readonly concurrency: number;
  readonly maxScannedRows: number;
  /** undefined = for ever. */
  readonly history: History | undefined;
  readonly keys: readonly ApiKeyConfig[];
}

export type SourceConfig = ExportApiConfig | ClickHouseConfig;
/** A BigQuery dataset, as configured. */
export interface BigQueryConfig {
  readonly type: 'bigquery';
  readonly name: string;
  readonly project: string;
  /** Jobs run in this project, which pays for them. */
  readonly billingProject: string;
  readonly dataset: string;
  /** Where batches are staged; of the same project. */
  readonly stagingDataset: string;
  /** undefined: the dataset's own. */
  readonly location: string | undefined;
  /** Without a slash at its end. */
  readonly endpoint: string | undefined;
  /** Absolute; undefined: application default credentials. */
  readonly keyFile: string | undefined;
  /** E-mail address of a service account to act as. */
  readonly impersonate: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  /** Bytes. */
  readonly maximumBytesBilled: number | undefined;
  /** Milliseconds. */
  readonly partitionExpiration: number | undefined;
  readonly requirePartitionFilter: boolean;
}

/** A schema in Snowflake, as configured. */
export interface SnowflakeConfig {
  readonly type: 'snowflake';
  readonly name: string;
  readonly account: string;
  /** Without a slash at its end; undefined: Snowflake's own, by the account. */
  readonly url: string | undefined;
  readonly user: string | undefined;
  readonly role: string | undefined;
  readonly warehouse: string | undefined;
  readonly database: string;
  readonly schema: string;
  readonly credentials: SnowflakeCredentials;
  readonly queryTag: string | undefined;
  readonly transient: boolean;
}

/** How the user proves who it is; a file's path is absolute. */
export type SnowflakeCredentials =
  | { readonly by: 'key'; readonly key: Secret; readonly passphrase: Secret | undefined }
  | { readonly by: 'key file'; readonly path: string; readonly passphrase: Secret | undefined }
  | { readonly by: 'oauth' | 'access token'; readonly token: Secret }
  | {
      readonly by: 'workload identity';
      readonly provider: 'AWS' | 'AZURE' | 'GCP' | 'OIDC';
      readonly token: Secret | undefined;
    }
  | { readonly by: 'password'; readonly password: Secret };

export type DestinationConfig = DuckDbConfig | BigQueryConfig | SnowflakeConfig;

/** What is told of. */
export type NotificationKind = 'failure' | 'held' | 'stale' | 'recovered' | 'loaded';

/** Whom the daemon tells. */
export interface NotificationConfig {
  readonly type: 'slack' | 'webhook';
  /** For log lines: its place in the list, and its type. */
  readonly name: string;
  readonly url: Secret;
  readonly on: ReadonlySet<NotificationKind>;
  readonly headers: ReadonlyMap<string, Secret>;
}

/** `daemon:`, which holds for every command. Times in milliseconds, sizes in bytes. */
export interface DaemonConfig {
  readonly listen: { readonly host: string; readonly port: number } | undefined;
  readonly concurrency: number;
  /** Absolute; undefined = below the system's temporary folder. */
  readonly spoolDir: string | undefined;
  readonly spoolLimit: number;
  readonly memoryLimit: number;
  readonly shutdownGrace: number;
  readonly token: Secret | undefined;
  readonly allowPublic: boolean;
  readonly heartbeatUrl: Secret | undefined;
  readonly lockTimeout: number;
}
