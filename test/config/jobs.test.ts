import { createHash, createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { policyText } from '../../src/core/columns.ts';
import { AROUND, frame, jobOf, load, refusal } from './frame.ts';

describe('a job of few keys', () => {
  test('has the defaults of docs/configuration.md', () => {
    const job = jobOf(
      `${AROUND}jobs:\n  users-daily: { source: acme, data_type: users, destination: local, window: { grain: day } }\n`,
    );
    expect(job).toEqual({
      name: 'users-daily',
      description: undefined,
      enabled: true,
      sources: [
        {
          name: 'acme',
          key: 'acme',
          history: undefined,
          rate: { requests: 500, window: 60_000 },
          concurrency: 8,
          typicalAnswer: 30_000,
        },
      ],
      report: { dataType: 'users', groupBy: undefined },
      timezone: 'UTC',
      timezoneWritten: false,
      window: { grain: 'day', span: 1, lookback: undefined, delay: 7_200_000, includeOpen: false, begin: undefined },
      schedule: undefined,
      destination: 'local',
      table: {
        name: 'users_daily',
        warehouse: 'duckdb',
        report: { dataType: 'users', groupBy: undefined },
        grain: 'day',
        span: 1,
        schema: 'evolve',
        rules: { drop: [], hash: [], rename: new Map(), types: new Map() },
        hashKey: undefined,
        policy: expect.stringMatching(/^[0-9a-f]{16}$/),
        clusterBy: [],
      },
      onStart: 'plan',
      expect: { minRows: 0, maxShrink: 0.9 },
      expectBy: undefined,
      maxPeriodsPerRun: 500,
      retries: { maxAttempts: 5, minDelay: 1_000, maxDelay: 300_000 },
    });
  });

  test('that lacks what it needs is told all of it', () => {
    expect(refusal(`${AROUND}jobs:\n  j: {}\n`).lines).toEqual([
      'e.yaml:7:3: j: source is missing: name one of sources, here or in defaults',
      'e.yaml:7:3: j: data_type is missing: users, agents, api-keys, projects or models',
      'e.yaml:7:3: j: destination is missing: name one of destinations, here or in defaults',
      expect.stringMatching(/^e\.yaml:7:3: j: window is missing: say which periods/),
    ]);
  });

  test('the daemon and a source have theirs', () => {
    const { daemon, sources } = load(AROUND.replace(', history: null', ''));
    expect(daemon).toEqual({
      listen: { host: '127.0.0.1', port: 9464 },
      concurrency: 4,
      spoolDir: undefined,
      spoolLimit: 10e9,
      memoryLimit: 512e6,
      shutdownGrace: 60_000,
      token: undefined,
      allowPublic: false,
      heartbeatUrl: undefined,
      lockTimeout: 30_000,
    });
    expect(sources.get('acme')).toMatchObject({
      key: 'acme',
      format: 'csv',
      concurrency: 8,
      timeout: 300_000,
      history: { amount: 12, unit: 'month' },
      recordCount: 'strict',
    });
  });
});

describe('defaults lie under every job', () => {
  const withDefaults = (defaults: string, keys: Record<string, string>) => `${frame(keys)}defaults: ${defaults}\n`;

  test('key by key, and one level into objects', () => {
    const job = jobOf(
      withDefaults('{ timezone: Europe/Berlin, window: { delay: 6h, lookback: 5 } }', {
        window: '{ grain: week, lookback: 2 }',
      }),
    );
    expect(job.timezone).toBe('Europe/Berlin');
    expect(job.timezoneWritten).toBe(true);
    expect(job.window).toMatchObject({ grain: 'week', lookback: 2, delay: 21_600_000 });
  });

  test('a window word counts as the object that it stands for, above and below', () => {
    expect(
      jobOf(withDefaults('{ window: { delay: 6h, lookback: 5 } }', { window: 'last 7 days' })).window,
    ).toMatchObject({
      grain: 'day',
      lookback: 7,
      delay: 21_600_000,
    });
    expect(jobOf(withDefaults('{ window: last 7 days }', { window: '{ delay: 1h }' })).window).toMatchObject({
      grain: 'day',
      lookback: 7,
      delay: 3_600_000,
    });
    expect(
      jobOf(withDefaults('{ window: { delay: 6h } }', { window: '${W}' }), { W: 'month to date' }).window,
    ).toMatchObject({
      grain: 'month',
      includeOpen: true,
      delay: 21_600_000,
    });
  });

  test('drop and hash add up; other lists and scalars are replaced', () => {
    const defaults = '{ columns: { drop: [email], types: { a: integer } }, cluster_by: [user_id] }';
    const { table } = jobOf(
      withDefaults(defaults, { columns: '{ drop: [name], types: { b: float } }', cluster_by: '[model]' }),
    );
    expect(table.rules.drop).toEqual(['email', 'name']);
    expect([...table.rules.types]).toEqual([['b', 'float']]);
    expect(table.clusterBy).toEqual(['model']);
  });

  test('null lifts a default that has no value of its own', () => {
    const defaults = '{ schedule: "@daily", freshness: { expect_by: "09:00" }, group_by: model }';
    const job = jobOf(withDefaults(defaults, { schedule: 'null', freshness: 'null', group_by: 'null' }));
    expect([job.schedule, job.expectBy, job.report.groupBy]).toEqual([undefined, undefined, undefined]);
  });

  test('a slip in them is shown once, where it is', () => {
    const { lines } = refusal(`${withDefaults('{ tabel: x }', {})}`);
    expect(lines).toEqual(['e.yaml:13:13: unknown key tabel: did you mean table?']);
  });
});

describe('rules between keys', () => {
  test.each([
    ['users', 'source', 'users can be grouped by model only'],
    ['projects', 'model', 'projects cannot be grouped: take group_by away'],
    ['models', 'model', 'models can be grouped by source or deployment only'],
  ])('%s by %s', (data_type, group_by, message) => {
    expect(refusal(frame({ data_type, group_by })).lines).toEqual([`e.yaml:13:15: group_by: ${message}`]);
  });

  test('hashing needs a key', () => {
    expect(refusal(frame({ columns: '{ hash: [email] }' })).lines[0]).toContain('hash: hash_key is missing');
  });

  test('the id of a hash key tells the key of nothing, and is part of the policy', () => {
    const job = jobOf(frame({ columns: '{ hash: [email] }', hash_key: 'a-key-of-mine' }));
    const id = createHmac('sha256', 'a-key-of-mine').update('exportd key id').digest('hex').slice(0, 8);
    expect(job.table.hashKey?.id).toBe(id);
    const digest = createHash('sha256')
      .update(policyText(job.table.rules, 'evolve', id))
      .digest('hex');
    expect(job.table.policy).toBe(digest.slice(0, 16));
  });

  test('a slip in drop is warned about: it would give away what it should protect', () => {
    const { warnings } = load(frame({ columns: '{ drop: [emial] }' }));
    expect(warnings.map(({ message }) => message)).toEqual([
      'columns: no export is known to have a column "emial": did you mean email?',
    ]);
    expect(load(frame({ columns: '{ drop: [assistant_name, EMAIL] }' })).warnings).toEqual([]);
  });

  test('two columns under one name, or one of our names, are refused', () => {
    expect(refusal(frame({ columns: '{ rename: { name: email } }' })).lines[0]).toMatch(/^e\.yaml:13:24: columns: /);
    expect(refusal(frame({ columns: '{ rename: { name: _period_key } }' })).lines[0]).toMatch(
      /^e\.yaml:13:24: columns: /,
    );
  });

  test.each(['_exportd_x', 'Users', 'a-b', 'a b', '1a', '"a;drop"'])('a table named %s is refused', (table) => {
    expect(refusal(frame({ table })).lines[0]).toContain(
      'table: a name of small letters, digits and _ (not _exportd…) expected',
    );
  });

  test.each([
    ['{ max_shrink: 90 }', 'max_shrink: 1 or less expected'],
    ['{ min_rows: -1 }', 'min_rows: 0 or more expected'],
    ['{ min_rows: 1.5 }', 'min_rows: a whole number expected'],
  ])('expect: %s', (written, message) => {
    expect(refusal(frame({ expect: written })).lines[0]).toContain(message);
  });

  test('retries that wait longer at first than at last are refused', () => {
    expect(refusal(frame({ retries: '{ min_delay: 10m }' })).lines[0]).toContain('min_delay is longer than max_delay');
  });

  test('a public address needs a token', () => {
    const text = (more: string) => `${AROUND}daemon: { listen: "0.0.0.0:9464"${more} }\n`;
    expect(refusal(text('')).lines[0]).toMatch(/^e\.yaml:6:19: listen: everyone who reaches 0\.0\.0\.0/);
    expect(load(text(', token: a-token')).daemon.listen).toEqual({ host: '0.0.0.0', port: 9464 });
    expect(load(text(', allow_public: true')).daemon.allowPublic).toBe(true);
  });
});

describe('a window that the source can never hold whole', () => {
  const keeping = (history: string, window: string, timezone = 'Europe/Berlin') =>
    frame({ window, timezone }).replace('history: null', `history: ${history}`);

  test.each([
    ['12 months', '{ grain: year }'],
    ['12 months', '{ grain: month, span: 12 }'],
    ['27 days', '{ grain: month }'],
    ['30 days', 'rolling 30 days'],
    ['90 days', 'previous quarter'],
  ])('a source that keeps %s: %s is refused', (history, window) => {
    expect(refusal(keeping(history, window)).lines[0]).toMatch(
      /^e\.yaml:12:13: window: source acme keeps .* never whole in it/,
    );
  });

  test.each([
    ['12 months', '{ grain: quarter }'],
    ['13 months', '{ grain: year }'],
    ['32 days', 'rolling 30 days'],
    ['29 days', '{ grain: day, span: 27 }'],
    ['null', '{ grain: year, span: 100 }'],
  ])('a source that keeps %s: %s is taken', (history, window) => {
    expect(load(keeping(history, window)).warnings).toEqual([]);
  });

  test('with include_open it is a warning: the open year is exported', () => {
    const { warnings } = load(keeping('12 months', 'year to date'));
    expect(warnings).toHaveLength(1);
    expect(warnings[0]?.message).toContain('its last export while it was open stays');
  });
});
