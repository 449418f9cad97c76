import { randomUUIDv7 } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Batch } from '../../src/destinations/destination.ts';
import { COLUMNS, tableSpec } from '../contract/entries.ts';
import { emulatorUrl, type Lab, openLab, refusal, SHORT, SIGNAL } from './lab.ts';
import type { Fault, Kind, Seen } from './proxy.ts';

const D1 = '2026-11-21';
const D2 = '2026-11-22';

let lab: Lab;
beforeEach(async () => {
  lab = await openLab();
});
afterEach(async () => {
  await lab.destination[Symbol.asyncDispose]();
  await lab[Symbol.asyncDispose]();
});

/** A fault for the first so many requests of a kind. */
const first =
  (kind: Kind, fault: Fault, times = 1) =>
  (seen: Seen): Fault | undefined => {
    if (seen.kind !== kind || times === 0) return undefined;
    times -= 1;
    return fault;
  };

/** Statements, by their first word, in their order. */
const said = () => lab.proxy.seen.flatMap(({ kind, sql }) => (sql === '' ? [] : [kind]));

/** As a run does: the same batch again while that may heal. */
async function untilCommitted(batch: Batch): Promise<number> {
  for (let failed = 0; ; failed++) {
    const error = await lab.destination.replace(batch, SIGNAL).then(
      () => undefined,
      (thrown) => thrown,
    );
    if (error === undefined) return failed;
    if (error.retryable !== true || failed > 20) throw error;
  }
}

describe('what a batch and a run cost', () => {
  test('a batch is CREATE, PUT, COPY, one block, DROP and REMOVE', async () => {
    await lab.destination.replace(await lab.batch(D1, ['a', 'b']), SIGNAL);
    expect(said()).toEqual(['CREATE', 'PUT', 'COPY', 'BLOCK', 'DROP', 'REMOVE']);
    expect(await lab.leftovers()).toEqual({ tables: [], files: [] });
  });

  test('a run logs in once, reads the ledger once for all of its tables, and says nothing where nothing is due', async () => {
    await lab.destination.replace(await lab.batch(D1, ['a']), SIGNAL);
    lab.proxy.seen.length = 0;
    await using next = lab.open();
    const names = ['users_daily', 'agents_daily', 'models_daily'];
    await next.read(
      names.map((name) => ({ name, detailFrom: D1 })),
      SIGNAL,
    );
    expect(lab.proxy.count('login')).toBe(1);
    expect(said()).toEqual(['ALTER', 'SELECT', 'WITH']);
    await next.prepare(tableSpec(), COLUMNS, SIGNAL);
    await next.replace(await lab.batch(D2, ['b']), SIGNAL);
    expect(lab.proxy.count('login')).toBe(1);
    expect(lab.proxy.count('BLOCK')).toBe(1);
  });

  test('every statement names what it is for, its job and its run', async () => {
    await lab.destination.replace(await lab.batch(D1, ['a'], { job: 'users', runId: 'r1' }), SIGNAL);
    const tags = lab.proxy.seen.map(({ kind, tag }) => [kind, tag]);
    expect(tags).toContainEqual(['BLOCK', '{"app":"exportd","purpose":"commit","job":"users","run":"r1"}']);
    expect(tags).toContainEqual(['COPY', '{"app":"exportd","purpose":"stage","job":"users","run":"r1"}']);
    await using tagged = lab.openWith({ settings: { transient: false, queryTag: 'team=data' } });
    await tagged.read([], SIGNAL);
    expect(lab.proxy.seen.at(-1)?.tag).toBe('{"app":"exportd","purpose":"read","tag":"team=data"}');
  });

  test('a batch of unchanged periods is one block', async () => {
    const batch = await lab.batch(D1, ['a']);
    await lab.destination.replace(batch, SIGNAL);
    lab.proxy.seen.length = 0;
    const [entry] = batch.entries;
    if (entry === undefined) throw new Error('a batch has an entry');
    const unchanged = { ...entry, loadId: randomUUIDv7(), outcome: 'unchanged' as const };
    await lab.destination.replace({ ...batch, staged: undefined, insert: [], entries: [unchanged] }, SIGNAL);
    expect(said()).toEqual(['BLOCK']);
  });
});

describe('neither PUT nor COPY leaves a row out because it remembers another', () => {
  test('identical bytes in two batches are loaded twice (case d13)', async () => {
    const batch = await lab.batch(D1, ['a', 'b']);
    await lab.destination.replace(batch, SIGNAL);
    lab.proxy.seen.length = 0;
    const [entry] = batch.entries;
    if (entry === undefined || batch.staged === undefined) throw new Error('a batch has a file and an entry');
    // The rows carry their load id: as a new batch of the same file, with the old ledger row gone.
    await lab.sql(`DELETE FROM ${lab.table('_exportd_loads')} WHERE TRUE`);
    await lab.destination.replace({ ...batch, staged: { ...batch.staged, id: randomUUIDv7() } }, SIGNAL);
    expect(said()).toEqual(['CREATE', 'PUT', 'COPY', 'BLOCK', 'DROP', 'REMOVE']);
    expect(await lab.now()).toEqual({ rows: [`${D1} a`, `${D1} b`], ledger: 1 });
  });

  test('a batch that is staged again goes another way each time', async () => {
    const batch = await lab.batch(D1, ['a']);
    lab.proxy.fault = first('COPY', 'cut');
    await untilCommitted(batch);
    const copies = lab.proxy.seen.filter(({ kind }) => kind === 'COPY').map(({ sql }) => sql.split('\n')[0]);
    expect(new Set(copies).size).toBeGreaterThan(0);
    expect(await lab.now()).toEqual({ rows: [`${D1} a`], ledger: 1 });
    expect(await lab.leftovers()).toEqual({ tables: [], files: [] });
  });
});

describe('a lost answer is asked for, never guessed', () => {
  test.each(['CREATE', 'PUT', 'COPY', 'BLOCK', 'DROP', 'REMOVE'] as const)(
    'the answer to %s is lost after Snowflake gave it',
    async (kind) => {
      lab.proxy.fault = first(kind, 'cut');
      await untilCommitted(await lab.batch(D1, ['a', 'b']));
      expect(await lab.now()).toEqual({ rows: [`${D1} a`, `${D1} b`], ledger: 1 });
    },
  );

  test.each(['CREATE', 'PUT', 'COPY', 'BLOCK'] as const)('%s is reset before it reached Snowflake', async (kind) => {
    lab.proxy.fault = first(kind, 'reset');
    await untilCommitted(await lab.batch(D1, ['a']));
    expect(await lab.now()).toEqual({ rows: [`${D1} a`], ledger: 1 });
  });

  test('a block whose answer never comes is found in the ledger, by another session', async () => {
    lab.proxy.fault = first('BLOCK', 'hold');
    expect(await lab.destination.replace(await lab.batch(D1, ['a']), SIGNAL)).toHaveLength(1);
    expect(lab.proxy.count('login')).toBe(1);
    expect(said().slice(-4)).toEqual(['ALTER', 'SELECT', 'DROP', 'REMOVE']);
    expect(await lab.now()).toEqual({ rows: [`${D1} a`], ledger: 1 });
  });

  test('a block that goes on is asked for by its id, and then for what the ledger has of it', async () => {
    const going = first('BLOCK', 'in progress');
    lab.proxy.fault = (seen) => (seen.kind === 'result' ? 'silent' : going(seen));
    expect(await lab.destination.replace(await lab.batch(D1, ['a']), SIGNAL)).toHaveLength(1);
    const after = lab.proxy.seen.slice(lab.proxy.seen.findIndex(({ kind }) => kind === 'status'));
    expect(after.map(({ kind }) => kind)).toEqual(['status', 'SELECT', 'DROP', 'REMOVE']);
    expect(await lab.now()).toEqual({ rows: [`${D1} a`], ledger: 1 });
  });

  test('a block that never arrives is unknown, and the same batch commits once', async () => {
    lab.proxy.fault = first('BLOCK', 'silent');
    const batch = await lab.batch(D1, ['a']);
    expect(await refusal(lab.destination.replace(batch, SIGNAL))).toMatchObject({
      code: 'COMMIT_UNKNOWN',
      retryable: true,
    });
    expect(await lab.destination.replace(batch, SIGNAL)).toHaveLength(1);
    expect(lab.proxy.count('COPY')).toBe(1);
    expect(await lab.now()).toEqual({ rows: [`${D1} a`], ledger: 1 });
  });

  test('a server that goes silent ends in an error within its deadline, whatever the driver would wait', async () => {
    lab.proxy.fault = () => 'silent';
    await using silent = lab.openWith({ deadlines: { ...SHORT, connect: 300 } });
    const began = performance.now();
    const error = await refusal(silent.read([{ name: 'users_daily', detailFrom: undefined }], SIGNAL));
    expect(error).toMatchObject({ code: 'DESTINATION_UNREACHABLE', retryable: true });
    expect(performance.now() - began).toBeLessThan(2_000);
  });
});

describe('sessions', () => {
  test.each(['390111', '390112'])('one that is gone (%s) is opened anew, and nothing is lost', async (code) => {
    lab.proxy.fault = first('SELECT', { code, message: 'Your session has expired. Please login again.' });
    const reading = await lab.destination.read([{ name: 'users_daily', detailFrom: undefined }], SIGNAL);
    expect(reading.tables.get('users_daily')?.exists).toBe(true);
    expect(lab.proxy.count('login')).toBe(1);
  });

  test.each(['CREATE', 'PUT', 'COPY', 'BLOCK'] as const)('all lost while %s is on its way', async (kind) => {
    let isLost = false;
    lab.proxy.fault = async (seen) => {
      if (seen.kind !== kind || isLost) return undefined;
      isLost = true;
      await fetch(`${emulatorUrl()}/_test/drop-sessions?user=exportd&database=${lab.place.database}`, {
        method: 'POST',
      });
      return undefined;
    };
    await untilCommitted(await lab.batch(D1, ['a']));
    expect(await lab.now()).toEqual({ rows: [`${D1} a`], ledger: 1 });
  });
});

describe('errors are told apart', () => {
  const LOCKED =
    "Statement '01b' has locked table '_EXPORTD_LOCK_USERS_DAILY' in transaction 17 and this lock has not yet been released.\nYour statement '01c' was aborted because the number of waiters for this lock exceeds the 20 statements limit.";
  test.each([
    ['000625', LOCKED, 'COMMIT_FAILED', true],
    ['000603', "Uncaught exception of type 'STATEMENT_ERROR': Deadlock detected", 'COMMIT_FAILED', true],
    ['000630', 'Statement reached its statement or warehouse timeout of 1800 second(s)', 'COMMIT_FAILED', true],
    ['000604', 'SQL execution canceled', 'COMMIT_FAILED', true],
    [
      '090073',
      "Warehouse 'WH' cannot be resumed because resource monitor 'RM' has exceeded its quota.",
      'QUOTA_EXCEEDED',
      false,
    ],
    ['003001', "SQL access control error:\nInsufficient privileges to operate on table 'T'", 'ACCESS_DENIED', false],
    [
      '002003',
      "SQL compilation error:\nObject 'USERS_DAILY' does not exist or not authorized.",
      'COMMIT_FAILED',
      false,
    ],
    ['100038', "Numeric value 'secret' is not recognized", 'COMMIT_FAILED', false],
  ] as const)('a block that failed by %s', async (code, message, expected, retryable) => {
    lab.proxy.fault = first('BLOCK', { code, message });
    const batch = await lab.batch(D1, ['a']);
    const error = await refusal(lab.destination.replace(batch, SIGNAL));
    expect(error).toMatchObject({ code: expected, retryable });
    expect(error.message).not.toContain('secret');
    expect(await lab.now()).toEqual({ rows: [], ledger: 0 });
    if (!retryable) return;
    // The rows are not loaded again.
    expect(await lab.destination.replace(batch, SIGNAL)).toHaveLength(1);
    expect(lab.proxy.count('COPY')).toBe(1);
  });

  test.each([429, 503])('HTTP %i heals by itself', async (status) => {
    lab.proxy.fault = first('COPY', { status });
    await untilCommitted(await lab.batch(D1, ['a']));
    expect(await lab.now()).toEqual({ rows: [`${D1} a`], ledger: 1 });
  });

  test('a wrong password names the user and no word of it', async () => {
    lab.proxy.fault = first('login', { code: '390100', message: 'Incorrect username or password was specified.' });
    const error = await refusal(lab.open().read([], SIGNAL));
    expect(error).toMatchObject({ code: 'DESTINATION_UNREACHABLE', retryable: false });
    expect(error.message).toContain('does not accept');
  });
});

describe('two at once', () => {
  test('writers of different periods of one table wait for each other, and both commit', async () => {
    const rounds = process.env.EXPORTD_FAULTS === 'full' ? 20 : 4;
    await using other = lab.open({ instance: 'there/00000002' });
    for (let round = 0; round < rounds; round++) {
      const [a, b] = [await lab.batch(D1, [`a${round}`]), await lab.batch(D2, [`b${round}`])];
      await Promise.all([lab.destination.replace(a, SIGNAL), other.replace(b, SIGNAL)]);
    }
    const last = rounds - 1;
    expect(await lab.now()).toEqual({ rows: [`${D1} a${last}`, `${D2} b${last}`], ledger: 2 * rounds });
  });

  test('tables of one process share its session, a statement at a time', async () => {
    const agents = tableSpec({ name: 'agents_daily' });
    await lab.destination.prepare(agents, COLUMNS, SIGNAL);
    const batches = await Promise.all(
      [D1, D2].map(async (date) => {
        const batch = await lab.batch(date, ['a'], { tableName: 'agents_daily' });
        return { ...batch, table: agents };
      }),
    );
    const [first, second] = batches;
    if (first === undefined || second === undefined) throw new Error('two batches were made');
    await Promise.all([
      lab.destination.replace(first, SIGNAL),
      lab.destination.replace(second, SIGNAL),
      lab.destination.replace(await lab.batch(D1, ['b']), SIGNAL),
    ]);
    expect((await lab.now()).ledger).toBe(3);
    expect(lab.proxy.count('login')).toBe(0);
  });

  test('who stops while another table commits in the same session leaves its block alone', async () => {
    const stop = new AbortController();
    const { promise: stopped, resolve } = Promise.withResolvers<void>();
    stop.signal.addEventListener('abort', () => resolve());
    let puts = 0;
    lab.proxy.fault = async ({ kind }) => {
      if (kind === 'PUT') {
        puts += 1;
        if (puts === 1) return 'silent';
      }
      if (kind === 'BLOCK') {
        stop.abort(new Error('stop'));
        await stopped;
      }
      return undefined;
    };
    const given = lab.destination.replace(await lab.batch(D1, ['a']), stop.signal);
    const other = lab.destination.replace(await lab.batch(D2, ['b']), SIGNAL);
    await expect(given).rejects.toThrow('stop');
    expect(await other).toHaveLength(1);
    expect([lab.proxy.count('login'), lab.proxy.count('BLOCK')]).toEqual([0, 1]);
    expect(await lab.now()).toEqual({ rows: [`${D2} b`], ledger: 1 });
  });

  test('an emptied lock is no lock: nothing is committed, and the next run puts its row back', async () => {
    await lab.sql(`DELETE FROM ${lab.table('_exportd_lock_users_daily')} WHERE TRUE`);
    const error = await refusal(lab.destination.replace(await lab.batch(D1, ['a']), SIGNAL));
    expect(error.message).toContain('somebody emptied _exportd_lock_users_daily');
    expect(await lab.now()).toEqual({ rows: [], ledger: 0 });
    await lab.destination.prepare(tableSpec(), COLUMNS, SIGNAL);
    expect(await lab.destination.replace(await lab.batch(D1, ['a']), SIGNAL)).toHaveLength(1);
  });
});

describe('what a killed process left on its way', () => {
  test('goes by its name and age after 25 hours, in the first run of a day, and nothing younger (case d13)', async () => {
    // Neither committed nor cleared away: DROP and REMOVE never arrive.
    lab.proxy.fault = (seen) =>
      ['DROP', 'REMOVE', 'BLOCK'].includes(seen.kind) ? { code: '001', message: 'no' } : undefined;
    const batch = await lab.batch(D1, ['a']);
    if (batch.staged === undefined) throw new Error('a batch has a file');
    await refusal(lab.destination.replace({ ...batch, staged: { ...batch.staged, id: randomUUIDv7() } }, SIGNAL));
    await untilSwept(1);
    expect((await lab.leftovers()).tables).toHaveLength(1);
    await untilSwept(25);
    expect(await lab.leftovers()).toEqual({ tables: [], files: [] });
  });

  /** A run so many hours from now. */
  async function untilSwept(hours: number): Promise<void> {
    lab.proxy.fault = () => undefined;
    await using later = lab.open({ now: Date.now() + hours * 3_600_000 });
    await later.read([], SIGNAL);
    await later.prepare(tableSpec(), COLUMNS, SIGNAL);
  }

  test('is looked for once a day at most', async () => {
    await lab.destination.replace(await lab.batch(D1, ['a']), SIGNAL);
    lab.proxy.seen.length = 0;
    await using next = lab.open();
    await next.read([], SIGNAL);
    await next.prepare(tableSpec(), COLUMNS, SIGNAL);
    expect(lab.proxy.count('LIST')).toBe(0);
  });
});
