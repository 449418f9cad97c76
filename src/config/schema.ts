/**
 * Everything that a config may hold: one schema gives validation, types and the JSON Schema for editors. A key may be
 * missing from a job because `defaults` or another rule fills it in: what must be there in the end is asked in resolve.ts.
 *
 * A new kind of source or destination is one entry in SOURCES or DESTINATIONS.
 */
import { z } from 'zod';
import { DATA_TYPES, GROUPINGS } from '../core/contract.ts';
import { isLocalDate } from '../core/dates.ts';
import { Secret } from '../core/secret.ts';
import { WINDOW_WORDS, type WindowObject, windowOf } from '../core/window.ts';
import type { ColumnType, DataType, Grain, GroupBy, SchemaPolicy } from '../core/words.ts';
import { given, written } from './given.ts';
import { DURATION, durationOf, HISTORY, historyOf, RATE, rateOf, SIZE, sizeOf } from './quantities.ts';
import type { NotificationKind } from './settings.ts';

/** Values of these keys are secrets: never shown, and replaced in every output. */
export const SECRET_KEYS: ReadonlySet<string> = new Set([
  'api_key',
  'password',
  'jwt',
  'hash_key',
  'token',
  'private_key',
  'private_key_passphrase',
  'heartbeat_url',
  'signing_key',
]);

/** Secrets that may be empty: ClickHouse has users without a password, and keys need not be encrypted. */
export const MAY_BE_EMPTY: ReadonlySet<string> = new Set(['password', 'private_key_passphrase']);

/** Names of sources, destinations and jobs. */
export const NAME = /^[a-z][a-z0-9_-]*$/;

const described = <S extends z.ZodType>(schema: S, description: string): S => schema.meta({ description });

/** Text by a pattern; `what` reads on as "… expected, "x" was read". */
const text = (pattern: RegExp, what: string, example: string) =>
  given(z.string().regex(pattern, { error: what }), example);
/** Text that no number may pass for, so that quotes would not help. */
const quantity = (pattern: RegExp, what: string) => z.string({ error: what }).regex(pattern, { error: what });
const freeText = () => given(z.string(), 'unset');
const duration = (example: string) =>
  given(quantity(DURATION, 'a duration such as 90s, 5m, 2h or 1d').transform(durationOf), example);
const size = (example: string) => given(quantity(SIZE, 'a size such as 512MB or 10GB').transform(sizeOf), example);
const whole = (least: number, most: number) => given(z.int().min(least).max(most), least);
const yesNo = () => given(z.boolean(), true);
const oneOf = <const T extends string>(values: readonly T[]) => given(z.enum(values), values[0] ?? '');
const secret = (rule: z.ZodString, standIn: string) =>
  given(
    rule.transform((value) => new Secret(value)),
    standIn,
  );
/** What a header can carry: an API key with a blank or a line end at its edge is a slip of copying. */
const headerSecret = () =>
  secret(
    z.string().regex(/^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/, {
      error: 'printable ASCII text without blanks or line ends around it',
    }),
    'unset',
  );
/** A map of these keys and no others. Its message for any other is the list of its keys, of which explain.ts makes a hint. */
const strict = <T extends z.ZodRawShape>(shape: T) =>
  z.strictObject(shape, {
    error: (issue) => (issue.code === 'unrecognized_keys' ? Object.keys(shape).join(' ') : undefined),
  });
const map = <T extends z.ZodRawShape>(shape: T) => written(strict(shape));
const names = () => written(z.array(freeText()));
/** Checked in resolve.ts, which can say what is meant; here for editors. */
export const TIMEZONE = z.string().meta({ id: 'timezone' });
const timezone = () => given(TIMEZONE, 'UTC');
const isHttpUrl = (text: string) => /^https?:\/\//.test(text) && URL.canParse(text);
const baseUrl = () =>
  given(
    z
      .string()
      .refine(isHttpUrl, { error: 'a URL such as https://api.example.com', abort: true })
      .refine((text) => new URL(text).username === '' && new URL(text).password === '' && !/[?#]/.test(text), {
        error: 'a URL without user name, password, ? and # (credentials have keys of their own)',
      }),
    'http://unset.invalid',
  );
const LOCAL_PATH = 'a path on this machine (no :memory: or md:…; for ~ write ${HOME})';
const path = () => given(z.string().regex(/^(?!:memory:|md:|~)./, { error: LOCAL_PATH }), 'unset');

const sourceKey = () =>
  described(
    text(NAME, 'a name in small letters, such as acme', 'unset').optional(),
    "The source's name in period keys; default: its name here. Keep it when you rename the source",
  );
const kept = (most: string | null) =>
  described(
    given(quantity(HISTORY, 'N days, N months, N years or null').transform(historyOf).nullable(), '12 months').prefault(
      most,
    ),
    'How far back the source keeps usage; null = for ever. Older periods are never asked for',
  );

const exportApi = strict({
  type: described(z.literal('export_api'), "One workspace's Usage Export API"),
  key: sourceKey(),
  base_url: described(baseUrl(), 'Where the API is; may carry a path, e.g. https://usage.example.com/api/public'),
  api_key: described(headerSecret(), 'A key with the scope USAGE_EXPORT_API, best as ${NAME} or ${file:/path}'),
  format: described(oneOf(['csv', 'json']).prefault('csv'), 'What the API is asked for'),
  rate_limit: described(
    given(quantity(RATE, 'N/min, N/s or null').transform(rateOf).nullable(), '500/min').prefault('500/min'),
    'At most this many requests, of all jobs and backfills of the process: N/min, N/s, or null for no limit',
  ),
  concurrency: described(whole(1, 1_000).prefault(8), 'Requests at once'),
  timeout: described(duration('5m').prefault('5m'), 'How long the answer to one export request may take to begin'),
  history: kept('12 months'),
  record_count: described(
    oneOf(['strict', 'warn']).prefault('strict'),
    "strict: an export whose rows differ from the answer's recordCount is refused; warn: it is said",
  ),
});

/** How a ClickHouse is reached. */
const connection = {
  username: described(
    // So it is sent: whatever stands behind a colon would be the password.
    text(/^[^:]+$/, 'a user name without :', 'unset').prefault('default'),
    'One who may SELECT is enough',
  ),
  password: described(secret(z.string(), 'unset').nullish(), "The user's, best as ${NAME} or ${file:/path}"),
  jwt: described(headerSecret().nullish(), 'A token in place of username and password'),
  settings: described(
    map({
      max_memory_usage: described(size('8GB').optional(), 'Memory that a query may use'),
      max_execution_time: described(duration('5m').optional(), 'How long a query may run'),
    }).prefault({}),
    'Sent with every query. A user with readonly = 1 may send none',
  ),
  timeout: described(duration('5m').prefault('5m'), 'How long a query may take until its answer begins'),
};
const STORE_URL = "ClickHouse's HTTP interface, e.g. https://clickhouse.example.com:8443; may carry a path";
const STORE_DATABASE = 'Where the tables of the store are';

const clickhouse = strict({
  type: described(z.literal('clickhouse'), 'The usage store behind the API, in ClickHouse'),
  key: sourceKey(),
  url: described(baseUrl(), STORE_URL),
  ...connection,
  database: described(given(z.string().min(1), 'unset').prefault('default'), STORE_DATABASE),
  workspace: described(
    given(z.string().min(1), 'unset'),
    'The workspace whose rows are exported: an org_id of the store',
  ),
  concurrency: described(whole(1, 1_000).prefault(4), 'Queries at once'),
  history: kept(null),
});

const duckdb = strict({
  type: described(z.literal('duckdb'), 'A DuckDB file'),
  path: described(path(), 'The file, relative to this YAML file; made where it is not there'),
  schema: described(
    text(/^[A-Za-z_][A-Za-z0-9_]*$/, 'a name of letters, digits and _', 'unset').prefault('main'),
    'The schema of its tables',
  ),
});

const LABEL = /^[a-z][a-z0-9_-]{0,62}$/;
const bigquery = strict({
  type: described(z.literal('bigquery'), 'A BigQuery dataset'),
  project: described(
    text(/^([a-z0-9.-]+:)?[a-z][a-z0-9-]*$/, 'the id of a project, such as acme-analytics', 'unset'),
    'The project that the dataset is in',
  ),
  dataset: described(
    text(/^[A-Za-z0-9_]{1,1024}$/, 'a name of letters, digits and _', 'unset'),
    'The dataset of its tables; made where it is not there',
  ),
  location: described(
    text(/^[A-Za-z0-9-]+$/, 'a location such as EU or europe-west3', 'unset').optional(),
    'Where the dataset is, or is made. Default: its own; US where it is made',
  ),
  billing_project: described(
    text(/^([a-z0-9.-]+:)?[a-z][a-z0-9-]*$/, 'the id of a project, such as acme-analytics', 'unset').optional(),
    'The project whose jobs they are, and which pays for them. Default: project',
  ),
  key_file: described(
    path().optional(),
    'A key file, relative to this YAML file. Default: application default credentials (workload identity, gcloud)',
  ),
  impersonate: described(
    text(/^[^@\s]+@[^@\s]+$/, "a service account's e-mail address", 'unset@unset.invalid').optional(),
    'A service account to act as',
  ),
  endpoint: described(
    baseUrl().optional(),
    'For private access. One that begins with http: is an emulator, and is sent no credentials',
  ),
  staging_dataset: described(
    text(/^[A-Za-z0-9_]{1,1024}$/, 'a name of letters, digits and _', 'unset').optional(),
    'Where batches wait to be committed; of the same project and location. Default: dataset',
  ),
  labels: described(
    written(
      z
        .record(
          z.string(),
          text(/^[a-z0-9_-]{0,63}$/, 'a value of small letters, digits, _ and -, at most 63', 'unset'),
        )
        .refine((labels) => Object.keys(labels).every((label) => LABEL.test(label)), {
          error: 'labels of small letters, digits, _ and -, at most 63, a letter first',
        }),
    ).prefault({}),
    'On every table and job, to find them on the bill',
  ),
  maximum_bytes_billed: described(
    size('10GB').optional(),
    'What one query or commit may be billed for; one that would take more fails',
  ),
  partition_expiration: described(
    duration('400d').optional(),
    'BigQuery drops partitions that are older. Nothing older is wanted then either',
  ),
  require_partition_filter: described(yesNo().prefault(false), 'Queries of the tables must say which dates they want'),
});

const IDENTIFIER = 'a name of letters, digits, _ and $, no digit first';
const identifier = () => text(/^[A-Za-z_][A-Za-z0-9_$]{0,254}$/, IDENTIFIER, 'unset');
const snowflake = strict({
  type: described(z.literal('snowflake'), "A schema of a Snowflake account's database"),
  account: described(
    text(/^[A-Za-z0-9][A-Za-z0-9_.-]*$/, 'an account identifier such as acme-eu_west', 'unset'),
    "The account's identifier, ORGANIZATION-ACCOUNT; not its URL",
  ),
  url: described(baseUrl().optional(), 'For private link, and for emulators. Default: by the account'),
  user: described(
    given(z.string().min(1), 'unset').optional(),
    'A user of TYPE = SERVICE. Needed but with workload_identity',
  ),
  role: described(identifier().optional(), "What it may do, and owns its tables. Default: the user's"),
  warehouse: described(identifier().optional(), "What runs its statements; XS is enough. Default: the user's"),
  database: described(identifier(), 'Where the schema is'),
  schema: described(identifier(), 'The schema of its tables. It must be there'),
  private_key: described(
    secret(z.string().min(1), 'unset').nullish(),
    'The key of key-pair authentication, in PEM or base64, best as ${file:/path}',
  ),
  private_key_file: described(path().optional(), 'A file with it, relative to this YAML file'),
  private_key_passphrase: described(secret(z.string(), 'unset').nullish(), 'Where the key is encrypted'),
  token: described(headerSecret().nullish(), 'In place of a key; what it is says token_type'),
  token_type: described(
    oneOf(['oauth', 'pat']).prefault('oauth'),
    'oauth: an OAuth access token; pat: a programmatic access token',
  ),
  workload_identity: described(
    oneOf(['aws', 'azure', 'gcp', 'oidc']).optional(),
    'In place of a key: who vouches for this workload. With oidc, token is its ID token',
  ),
  password: described(secret(z.string().min(1), 'unset').nullish(), 'Going away for services: use a key pair'),
  query_tag: described(
    given(z.string().max(1_000), 'unset').optional(),
    'Beside what exportd says itself in QUERY_TAG of every statement',
  ),
  transient: described(yesNo().prefault(false), 'Tables without fail-safe: cheaper, and gone once they are gone'),
});

export const SOURCES = z.discriminatedUnion('type', [exportApi, clickhouse]);
export const DESTINATIONS = z.discriminatedUnion('type', [duckdb, bigquery, snowflake]);

const GRAINS = ['hour', 'day', 'week', 'month', 'quarter', 'year'] as const satisfies readonly Grain[];
const GROUPS = [...new Set<GroupBy>(Object.values(GROUPINGS).flat())];
const DATA_TYPE_NAMES: readonly (DataType | 'assistants')[] = [...DATA_TYPES, 'assistants'];
const COLUMN_TYPES = [
  'string',
  'integer',
  'numeric',
  'numeric(38,18)',
  'float',
  'boolean',
  'date',
  'timestamp',
  'map',
] as const satisfies readonly ColumnType[];

const DATE = 'a date of the calendar, written 2026-01-31,';
const date = () => given(z.string({ error: DATE }).refine(isLocalDate, { error: DATE }), '2026-01-01');

const WINDOW = strict({
  grain: described(oneOf(GRAINS).optional(), 'What one period is'),
  span: described(
    whole(1, 10_000).optional(),
    'Grains per period; 30 with grain day: 30 rolling days, every day. Default 1',
  ),
  lookback: described(
    whole(1, 100_000).optional(),
    'Newest closed periods that every run exports again, so that late usage is corrected. Default 1',
  ),
  delay: described(duration('2h').optional(), 'How long after its end a period is closed. Default 2h'),
  include_open: described(yesNo().optional(), 'Also export the period that still runs (month to date). Default false'),
  begin: described(
    date().nullable().optional(),
    'Every closed period from this date on is wanted: the first run fills history, later runs fill holes',
  ),
});

/** A word for a window; json-schema.ts lists the words for editors. */
export const WINDOW_WORD = z.string().transform((word, context): WindowObject => {
  const window = windowOf(word);
  if (window !== undefined) return window;
  context.addIssue(`a window word (${WINDOW_WORDS.map((each) => each.word).join('; ')}) or { grain: … }`);
  return z.NEVER;
});

const SCHEDULE = strict({
  cron: described(given(z.string(), '@daily'), 'Five fields ("15 6 * * *") or a word ("@daily"); in quotes'),
  timezone: described(timezone().optional(), "Default: the job's"),
  jitter: described(duration('5m').prefault('0s'), 'Start up to this much later, at random'),
});

const COLUMNS = strict({
  drop: described(names().prefault([]), "Columns that never leave this process, by the export's names"),
  hash: described(names().prefault([]), 'Columns replaced by an HMAC-SHA256 of their value; needs hash_key'),
  rename: described(
    written(z.record(z.string(), freeText())).prefault({}),
    "The table's name for a column: {export's name: table's name}",
  ),
  types: described(
    written(z.record(z.string(), oneOf(COLUMN_TYPES))).prefault({}),
    'The type of a column: {name: integer}',
  ),
});

export const JOB = strict({
  description: described(freeText().optional(), 'For people'),
  source: described(
    given(z.union([z.string(), z.array(freeText()).min(1)]), 'unset').optional(),
    'Name of a source, or a list of them: several workspaces, one table',
  ),
  data_type: described(oneOf(DATA_TYPE_NAMES).optional(), 'What to export'),
  group_by: described(oneOf(GROUPS).nullable().optional(), 'One row per entity and model, source or deployment'),
  schedule: described(
    given(z.union([z.string(), SCHEDULE]).nullable(), '@daily').optional(),
    'When it runs: "15 6 * * *", "@daily", or { cron, timezone, jitter }. Absent or null: only by hand',
  ),
  timezone: described(timezone().optional(), 'Of the data: where days begin. A name of the tz database. Default UTC'),
  window: described(
    given(z.union([WINDOW_WORD, WINDOW]), 'yesterday').optional(),
    'Which periods: { grain, lookback, … } or a word such as `last 7 days`, `month to date`',
  ),
  destination: described(freeText().optional(), 'Name of a destination'),
  table: described(
    text(/^(?!_exportd)[a-z_][a-z0-9_]*$/, 'a name of small letters, digits and _ (not _exportd…)', 'unset').optional(),
    "Default: the job's name with - as _",
  ),
  on_start: described(
    oneOf(['plan', 'wait']).prefault('plan'),
    'plan: a start of the daemon loads what is missing; wait: not before the first tick',
  ),
  schema: described(
    oneOf(['evolve', 'freeze', 'discard'] as const satisfies readonly SchemaPolicy[]).prefault('evolve'),
    'A new column of the export is added (evolve), fails the period (freeze) or is left out (discard)',
  ),
  columns: described(written(COLUMNS).prefault({}), 'What happens to columns before anything leaves this process'),
  hash_key: described(
    secret(z.string().min(8, { error: 'text of 8 characters or more' }), 'unset-variable')
      .nullable()
      .optional(),
    'The secret key of hashed columns. With another key, every hash is another',
  ),
  expect: described(
    map({
      min_rows: described(whole(0, Number.MAX_SAFE_INTEGER).prefault(0), 'A period with fewer rows is held back'),
      max_shrink: described(
        given(z.number().min(0).max(1), 0).prefault(0.9),
        "A reload that drops more than this share of a period's rows is held back",
      ),
    }).prefault({}),
    'What a load must look like; else it is held, and the old rows stay',
  ),
  freshness: described(
    map({
      expect_by: described(
        text(/^([01]\d|2[0-3]):[0-5]\d$/, 'a time such as 09:00', '09:00').optional(),
        'Local time by which the newest closed period must be in',
      ),
    })
      .nullable()
      .optional(),
    'When the job counts as stale',
  ),
  cluster_by: described(names().prefault([]), "Columns to cluster the table by, by the table's names; not for DuckDB"),
  max_periods_per_run: described(
    whole(1, 1_000_000).prefault(500),
    "Bound of the history in one of the daemon's plans",
  ),
  retries: described(
    map({
      max_attempts: described(whole(1, 100).prefault(5), 'To get a period, and again to commit a batch'),
      min_delay: described(duration('1s').prefault('1s'), 'Wait before the second attempt; doubles from there'),
      max_delay: described(duration('5m').prefault('5m'), 'Longest wait between two attempts'),
    }).prefault({}),
    'How often, and how patiently',
  ),
  enabled: described(yesNo().prefault(true), 'false: runs only where a command names it'),
}).meta({ id: 'job' });

const ADDRESS = /^(\[[0-9a-fA-F:.]+\]|[^\s:[\]]+):\d{1,5}$/;

export const DAEMON = strict({
  listen: described(
    text(ADDRESS, 'host:port, such as 127.0.0.1:9464, or null', '127.0.0.1:9464').nullable().prefault('127.0.0.1:9464'),
    'Status page, health and metrics; null = none',
  ),
  concurrency: described(whole(1, 1_000).prefault(4), 'Jobs at once'),
  spool_dir: described(
    path().nullable().prefault(null),
    'Where exports wait to be loaded; default: a folder of its own under the temporary folder of the system',
  ),
  spool_limit: described(size('10GB').prefault('10GB'), 'What they may take; powers of ten'),
  memory_limit: described(size('512MB').prefault('512MB'), "DuckDB's memory, of the whole process"),
  shutdown_grace: described(duration('60s').prefault('60s'), 'How long a stop waits for what is in hand'),
  token: described(headerSecret().nullable().prefault(null), 'For POST routes and, where set, the pages'),
  allow_public: described(yesNo().prefault(false), 'Allows a public address without a token'),
  heartbeat_url: described(
    secret(z.string().refine(isHttpUrl, { error: 'a URL such as https://example.com/ping' }), 'http://unset.invalid')
      .nullable()
      .prefault(null),
    "GET after every look, for a dead man's switch",
  ),
  lock_timeout: described(
    duration('30s').prefault('30s'),
    'How long to wait for a DuckDB file that another process holds',
  ),
});

const apiKey = strict({
  name: described(given(z.string().min(1), 'unset'), 'Who uses it; for the audit lines'),
  workspace: described(
    given(z.string().min(1), 'unset'),
    'What it may export: an org_id of the store, the whole of it',
  ),
  hash: described(
    text(/^sha256:[0-9a-f]{64}$/, 'a hash as `exportd keys create` prints it, sha256:…', `sha256:${'0'.repeat(64)}`),
    'What is kept of the key, as `exportd keys create` prints it',
  ),
  scopes: described(names(), 'USAGE_EXPORT_API lets it export'),
});

export const USAGE_API = strict({
  listen: described(
    text(ADDRESS, 'host:port, such as 127.0.0.1:8787', '127.0.0.1:8787').prefault('127.0.0.1:8787'),
    'Where the API answers, and /healthz, /readyz and /metrics',
  ),
  public_url: described(
    baseUrl().nullable().prefault(null),
    'What download URLs start with, as clients reach this server; default: http:// and the listen address',
  ),
  path_prefix: described(
    text(/^(\/[A-Za-z0-9._~-]+)*$/, 'a path such as /api/public', '').prefault(''),
    'A path before every route of the API, e.g. /api/public',
  ),
  clickhouse: described(
    map({
      url: described(baseUrl().prefault('http://localhost:8123'), STORE_URL),
      ...connection,
      database: described(given(z.string().min(1), 'unset').prefault('usage'), STORE_DATABASE),
    }).prefault({}),
    'The usage store whose usage is exported',
  ),
  signing_key: described(
    secret(z.string().min(16, { error: 'text of 16 characters or more' }), 'unset-variable-16'),
    'Signs download URLs. Another key ends those that are out',
  ),
  files_dir: described(
    path().prefault('../data/exports'),
    'Where CSV exports wait to be downloaded; a folder for them alone',
  ),
  url_ttl: described(duration('15m').prefault('15m'), 'How long a download URL holds; then its file is deleted'),
  rate_limit: described(
    given(quantity(RATE, 'N/min, N/s or null').transform(rateOf).nullable(), '500/min').prefault('500/min'),
    'Requests of one workspace, whoever sends them: N/min, N/s, or null for no limit',
  ),
  concurrency: described(whole(1, 1_000).prefault(4), 'Exports of one workspace at once; more wait for their turn'),
  max_scanned_rows: described(
    whole(1, Number.MAX_SAFE_INTEGER).prefault(1_000_000),
    'Rows of usage that one export may read; more is refused as USAGE_EXPORT_TOO_LARGE',
  ),
  history: described(
    given(quantity(HISTORY, 'N days, N months, N years or null').transform(historyOf).nullable(), '12 months').prefault(
      '12 months',
    ),
    'How far back usage is exported; null = for ever',
  ),
  keys: described(written(z.array(apiKey)).prefault([]), 'Who may export what; `exportd keys create` makes one'),
});

const NOTIFICATION_KINDS = [
  'failure',
  'held',
  'stale',
  'recovered',
  'loaded',
] as const satisfies readonly NotificationKind[];
const told = () =>
  described(
    written(z.array(oneOf(NOTIFICATION_KINDS)).min(1)).prefault(['failure', 'held', 'stale', 'recovered']),
    'What is told; loaded: every run that changed rows, to start what builds on them',
  );
const webhookUrl = () =>
  secret(
    z
      .string()
      .refine(isHttpUrl, { error: 'a URL such as https://example.com/hook', abort: true })
      .refine((text) => new URL(text).username === '' && new URL(text).password === '', {
        error: 'a URL without user name and password (they go into headers of a webhook)',
      }),
    'http://unset.invalid',
  );
/** Of the connection, the body, or another host: HTTP itself sets these. */
const NOT_OURS = /^(host|connection|content-length|transfer-encoding|keep-alive|upgrade|te|trailer|expect)$/i;
const isHeaderName = (name: string) => /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/.test(name) && !NOT_OURS.test(name);

const slack = strict({
  type: described(z.literal('slack'), "A channel's incoming webhook"),
  url: described(webhookUrl(), 'The URL that Slack gave; a secret, best as ${NAME} or ${file:/path}'),
  on: told(),
});
const webhook = strict({
  type: described(z.literal('webhook'), 'JSON by POST, to anything'),
  url: described(webhookUrl(), 'Where it is sent; a secret'),
  on: told(),
  headers: described(
    written(
      z.record(z.string(), headerSecret()).refine((headers) => Object.keys(headers).every(isHeaderName), {
        error: 'names of headers that HTTP does not set itself',
      }),
    ).prefault({}),
    'Headers to send with it, such as Authorization; all are secrets',
  ),
});

export const NOTIFICATIONS = z.discriminatedUnion('type', [slack, webhook]);

const named = <S extends z.ZodType>(schema: S) => z.record(z.string().regex(NAME), schema);

/** The whole document, as editors see it. It is read section by section, so that one slip hides no other. */
export const CONFIG = strict({
  version: described(z.literal(1).optional(), 'Of this format'),
  sources: described(named(SOURCES).optional(), 'Where usage comes from'),
  destinations: described(named(DESTINATIONS).optional(), 'Where tables are'),
  defaults: described(JOB.optional(), 'Any key of a job: lies under every job'),
  jobs: described(named(JOB).optional(), 'What is exported, when, and into which table'),
  daemon: described(DAEMON.optional(), 'The process'),
  notifications: described(z.array(NOTIFICATIONS).optional(), 'Whom the daemon tells of failures, and of loads'),
  usage_api: described(USAGE_API.optional(), 'The Usage Export API that `exportd serve` answers'),
});

export const SECTIONS = Object.keys(CONFIG.shape);

export type JobInput = z.output<typeof JOB>;
export type WindowInput = z.output<typeof WINDOW>;
export type DaemonInput = z.output<typeof DAEMON>;
export type UsageApiInput = z.output<typeof USAGE_API>;
export type NotificationInput = z.output<typeof NOTIFICATIONS>;
