/** Tables, jobs and errors as BigQuery's REST API has them; what the emulator leaves unchecked is pinned here. */
import { describe, expect, test } from 'vitest';
import { ExportdError } from '../../src/core/errors.ts';
import {
  BigQueryFailure,
  heals,
  kindOf,
  requestFailure,
  told,
  wasRefused,
} from '../../src/destinations/bigquery/failure.ts';
import {
  addColumnsSql,
  columnsOf,
  dataTable,
  ledgerTable,
  lockSql,
  stagedFields,
  stagingTable,
} from '../../src/destinations/bigquery/schema.ts';
import { quoteName, quoteText } from '../../src/destinations/bigquery/sql.ts';
import { COLUMNS, tableSpec } from '../contract/entries.ts';

const SESSION = {
  place: {
    name: 'bq',
    project: 'p',
    billingProject: 'pays',
    dataset: 'd',
    stagingDataset: 's',
    location: undefined,
    endpoint: undefined,
    keyFile: undefined,
    impersonate: undefined,
  },
  settings: {
    labels: { team: 'data' },
    maximumBytesBilled: undefined,
    partitionExpiration: undefined,
    requirePartitionFilter: false,
  },
};

describe('tables', () => {
  test('are partitioned by day, by month from a month on, and clustered by key unless the job says otherwise', () => {
    const made = (change: Parameters<typeof tableSpec>[0]) => dataTable(SESSION, tableSpec(change), COLUMNS);
    expect(made({})).toMatchObject({
      tableReference: { projectId: 'p', datasetId: 'd', tableId: 'users_daily' },
      timePartitioning: { type: 'DAY', field: '_period_date' },
      clustering: { fields: ['_period_key'] },
      labels: { team: 'data' },
    });
    for (const grain of ['hour', 'day', 'week'] as const) expect(made({ grain }).timePartitioning?.type).toBe('DAY');
    for (const grain of ['month', 'quarter', 'year'] as const) {
      expect(made({ grain }).timePartitioning?.type).toBe('MONTH');
    }
    expect(made({ clusterBy: ['user_id'] }).clustering).toEqual({ fields: ['user_id'] });
    expect(made({})).not.toHaveProperty('expirationTime');
    expect(made({})).not.toHaveProperty('requirePartitionFilter');
  });

  test('have their partition expiration and filter where the config says so', () => {
    const settings = { ...SESSION.settings, partitionExpiration: 86_400_000, requirePartitionFilter: true };
    expect(dataTable({ ...SESSION, settings }, tableSpec(), COLUMNS)).toMatchObject({
      timePartitioning: { expirationMs: '86400000' },
      requirePartitionFilter: true,
    });
  });

  test('describe their columns, and have every type of the contract', () => {
    const types = [
      'string',
      'integer',
      'numeric',
      'numeric(38,18)',
      'float',
      'boolean',
      'date',
      'timestamp',
      'map',
    ] as const;
    const columns = types.map((type) => ({ name: type.replace(/\W/g, '_'), type, description: `a ${type}` }));
    const fields = dataTable(SESSION, tableSpec(), columns).schema?.fields ?? [];
    expect(fields.slice(0, types.length).map(({ type }) => type)).toEqual([
      ...['STRING', 'INT64', 'NUMERIC', 'BIGNUMERIC', 'FLOAT64', 'BOOL', 'DATE', 'TIMESTAMP', 'JSON'],
    ]);
    expect(fields[0]?.description).toBe('a string');
    expect(
      columnsOf({ tableReference: { projectId: '', datasetId: '', tableId: '' }, schema: { fields } }),
    ).toHaveLength(types.length + 7);
    // Parquet cannot be loaded into JSON.
    expect(stagedFields(columns)[8]).toEqual({ name: 'map', type: 'STRING' });
  });

  test('of others are told by what their columns are', () => {
    const fields = [
      { name: 'A', type: 'INTEGER' },
      { name: 'b', type: 'NUMERIC', precision: '10', scale: '2' },
      { name: 'c', type: 'STRING', mode: 'REPEATED' },
      { name: 'd', type: 'FLOAT', mode: 'REQUIRED' },
      { name: 'e', type: 'RECORD' },
    ];
    const table = { tableReference: { projectId: '', datasetId: '', tableId: '' }, schema: { fields } };
    expect(columnsOf(table).map(({ name, native, type }) => [name, native, type])).toEqual([
      ['a', 'INT64', 'integer'],
      ['b', 'NUMERIC(10, 2)', undefined],
      ['c', 'ARRAY<STRING>', undefined],
      ['d', 'FLOAT64 NOT NULL', undefined],
      ['e', 'STRUCT', undefined],
    ]);
  });

  test('for staging expire by themselves, in the dataset that is for them; the ledger never does', () => {
    const staging = stagingTable(SESSION, '_exportd_staging_1', COLUMNS, 1_000);
    expect(staging.tableReference.datasetId).toBe('s');
    expect(staging.expirationTime).toBe('1000');
    expect(ledgerTable(SESSION)).toMatchObject({
      timePartitioning: { type: 'MONTH', field: 'period_date' },
      clustering: { fields: ['table_name', 'period_key'] },
    });
    expect(ledgerTable(SESSION)).not.toHaveProperty('expirationTime');
  });

  test('get all new columns in one statement, with their descriptions', () => {
    const columns = [
      { name: 'team', type: 'string', description: "The team's name" },
      { name: 'order', type: 'integer', description: '' },
    ] as const;
    expect(addColumnsSql('`p.d.t`', columns)).toBe(`ALTER TABLE \`p.d.t\`
ADD COLUMN IF NOT EXISTS \`team\` STRING OPTIONS (description = 'The team\\'s name'),
ADD COLUMN IF NOT EXISTS \`order\` INT64`);
  });

  test('a lock is made with its row in one statement', () => {
    expect(lockSql('`p.d._exportd_lock_t`')).toMatch(
      /^CREATE TABLE IF NOT EXISTS `p.d._exportd_lock_t`\n.*\nAS SELECT CAST\(NULL AS STRING\) AS load_id$/,
    );
  });
});

test('names and texts are quoted so that nothing gets out', () => {
  expect(quoteName('a`; DROP TABLE x; --\\')).toBe('`a\\`; DROP TABLE x; --\\\\`');
  expect(quoteText("it's \\ 1")).toBe("'it\\'s \\\\ 1'");
});

describe('failures', () => {
  const request = (status: number | undefined, reason?: string, message = '') =>
    new BigQueryFailure(message, { status, reason });
  const job = (reason: string, message = '') => new BigQueryFailure(message, { reason, job: 'exportd_commit_1_1' });
  const aborted = 'Transaction is aborted due to concurrent update against table p:d.t. Transaction ID: 1';

  test.each([
    [job('invalidQuery', aborted), 'conflict', true],
    [request(400, 'invalidQuery', aborted), 'conflict', true],
    [job('invalidQuery', 'Failed to commit DuckLake transaction.'), 'conflict', true],
    [job('invalidQuery', 'Division by zero'), 'other', false],
    [request(403, 'rateLimitExceeded'), 'busy', true],
    [job('jobRateLimitExceeded'), 'busy', true],
    [job('backendError'), 'busy', true],
    [job('internalError'), 'busy', true],
    [request(403, 'quotaExceeded'), 'quota', false],
    [job('bytesBilledLimitExceeded'), 'quota', false],
    [request(403, 'accessDenied'), 'denied', false],
    [request(403), 'denied', false],
    [request(404, 'notFound'), 'missing', false],
    [request(409, 'duplicate'), 'exists', false],
    [request(401), 'credentials', false],
    [request(500), 'lost', true],
    [request(503, 'somethingNew'), 'lost', true],
    [request(undefined, 'ECONNRESET'), 'lost', true],
    [request(400, 'invalid'), 'other', false],
  ] as const)('%# are told apart by reason: %s', (failure, kind, healing) => {
    expect([kindOf(failure), heals(failure)]).toEqual([kind, healing]);
  });

  test.each([
    [{ message: 'Could not load the default credentials. Browse to …' }, 'credentials'],
    [{ message: "ENOENT: no such file or directory, open '/run/key.json'", code: 'ENOENT' }, 'credentials'],
    [
      { message: 'invalid_grant', code: '400', response: { status: 400, data: { error: 'invalid_grant' } } },
      'credentials',
    ],
    [{ message: 'request to … failed', code: 'ECONNRESET' }, 'lost'],
    [{ message: 'aborted due to timeout', code: 'TimeoutError' }, 'lost'],
    [{ message: 'x', response: { status: 503, data: '<html>' } }, 'lost'],
    [
      {
        message: 'x',
        response: { status: 404, data: { error: { message: 'gone', errors: [{ reason: 'notFound' }] } } },
      },
      'missing',
    ],
  ])('%j is read as %s', (thrown, kind) => {
    expect(kindOf(requestFailure(thrown))).toBe(kind);
  });

  test('only an answer of 4xx says that nothing was begun', () => {
    expect([400, 403, 404, 429].map((status) => wasRefused(request(status)))).toEqual([true, true, true, true]);
    expect([408, 500, 503, undefined].map((status) => wasRefused(request(status)))).toEqual([
      false,
      false,
      false,
      false,
    ]);
    expect(wasRefused(request(undefined, 'ECONNREFUSED'))).toBe(true);
  });

  test('their texts are quoted only where they speak of permissions, quotas and names', () => {
    const doing = { destination: 'bq', what: 'committing to table t', committing: true };
    const message = 'Bad int64 value: ada@example.com';
    for (const failure of [
      job('invalidQuery', message),
      request(400, 'invalid', message),
      request(500, undefined, message),
    ]) {
      const error = told(failure, doing);
      if (!(error instanceof ExportdError)) throw new Error('an ExportdError was expected');
      expect(error.message).not.toContain('ada@');
      expect(error.cause).toBeUndefined();
    }
    expect(
      told(request(403, 'quotaExceeded', 'Quota exceeded: too many table update operations'), doing),
    ).toMatchObject({
      code: 'QUOTA_EXCEEDED',
      message: expect.stringContaining('too many table update operations'),
    });
  });
});
