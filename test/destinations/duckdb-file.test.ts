import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { inspect, promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { LedgerEntry } from '../../src/core/words.ts';
import type { Batch, Destination } from '../../src/destinations/destination.ts';
import type { Engine } from '../../src/duckdb/engine.ts';
import { COLUMNS, entryOf, keyOf, tableSpec } from '../contract/entries.ts';
import { stageRows, stageUsers } from '../contract/staged.ts';
import { hold } from '../faults/holder.ts';
import { full } from '../faults/rounds.ts';
import { type DuckDbWarehouse, duckDbWarehouse } from './duckdb-warehouse.ts';

describe('a DuckDB file', () => {
  const D1 = '2026-11-21';
  const D2 = '2026-11-22';
  const signal = new AbortController().signal;
  let warehouse: DuckDbWarehouse;
  beforeEach(async () => {
    warehouse = await duckDbWarehouse();
  });
  afterEach(async () => {
    await warehouse[Symbol.asyncDispose]();
  });

  async function batchOf(date: string, ...users: string[]): Promise<Batch> {
    const entry = entryOf(date, { rowCount: users.length });
    const rows = users.map((user_id) => ({ user_id, messages_total: 1 }));
    const staged = await stageRows(warehouse.engine, warehouse.folder, COLUMNS, [{ entry, rows }]);
    return { staged, table: tableSpec(), insert: [entry.loadId], entries: [entry], dates: [date] };
  }

  async function load(destination: Destination, date: string, ...users: string[]) {
    await destination.prepare(tableSpec(), COLUMNS, signal);
    return await destination.replace(await batchOf(date, ...users), signal);
  }

  /** What makes another process load an entry's rows. */
  async function orderOf(entry: LedgerEntry): Promise<[script: string, order: string]> {
    const staged = await stageUsers(warehouse.engine, warehouse.folder, entry);
    const { path, folder } = warehouse;
    const script = new URL('./load-one.ts', import.meta.url).pathname;
    return [script, JSON.stringify({ path, folder, staged: staged.file.path, entry })];
  }

  async function read(destination: Destination, detailFrom = D1) {
    const reading = await destination.read([{ name: 'users_daily', detailFrom }], signal);
    return reading.tables.get('users_daily');
  }

  async function failure(work: Promise<unknown>): Promise<unknown> {
    return await work.then(
      () => expect.fail('nothing was thrown'),
      (error: unknown) => error,
    );
  }

  /** Another program that is killed before it could write its log back: one that only an open that may write replays. */
  async function leaveLog(): Promise<void> {
    const program = `const { DuckDBInstance } = await import('@duckdb/node-api');
      const connection = await (await DuckDBInstance.create(process.argv[1])).connect();
      await connection.run("SET wal_autocheckpoint = '1TB'");
      await connection.run('CREATE TABLE theirs (id INTEGER PRIMARY KEY, team INTEGER)');
      await connection.run('INSERT INTO theirs SELECT i, i FROM range(5000) AS r(i)');
      await connection.run('CREATE INDEX by_team ON theirs (team)');
      process.kill(process.pid, 'SIGKILL');`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', program, warehouse.path], { stdio: 'inherit' });
    await once(child, 'close');
  }

  describe('that another process has open', () => {
    test('is waited for, and loaded once it is free (case d14)', async () => {
      const destination = warehouse.openWith({});
      await load(destination, D1, 'a');
      const holder = await hold(warehouse.path, 'READ_WRITE');
      const loading = load(destination, D2, 'b');
      await holder[Symbol.asyncDispose]();
      expect(await loading).toHaveLength(1);
    });

    test.each(['READ_WRITE', 'READ_ONLY'] as const)(
      'for longer than lock_timeout is an error that names file, program and PID (case d14, %s)',
      async (mode) => {
        await load(warehouse.openWith({}), D1, 'a');
        await using holder = await hold(warehouse.path, mode);
        const destination = warehouse.openWith({ lockTimeout: 300 });
        const batch = await batchOf(D2, 'b');
        const began = performance.now();
        const error = await failure(destination.replace(batch, signal));
        const waited = performance.now() - began;
        expect(error).toMatchObject({ code: 'DUCKDB_LOCKED', scope: 'destination', retryable: false });
        expect(String(error)).toContain(warehouse.path);
        expect(String(error)).toContain(`${process.execPath} (PID ${holder.pid})`);
        expect(JSON.stringify(error)).not.toMatch(/read.?only/i);
        expect(waited).toBeGreaterThanOrEqual(300);
      },
    );

    test('is waited for once: what queued up meanwhile fails with it', async () => {
      await load(warehouse.openWith({}), D1, 'a');
      await using holder = await hold(warehouse.path, 'READ_WRITE');
      const destination = warehouse.openWith({ lockTimeout: 1000 });
      const began = performance.now();
      const errors = await Promise.all([1, 2, 3, 4].map(() => failure(read(destination))));
      expect(performance.now() - began).toBeLessThan(2500);
      for (const error of errors) expect(error).toMatchObject({ code: 'DUCKDB_LOCKED' });
      expect(await destination.note([entryOf(D1, { outcome: 'failed' })], signal)).toBe(false);
      expect(holder.pid).toBeDefined();
    });

    test('for reading only can be read beside it', async () => {
      await load(warehouse.openWith({}), D1, 'a');
      await using holder = await hold(warehouse.path, 'READ_ONLY');
      expect(await read(warehouse.openWith({ lockTimeout: 0 }))).toMatchObject({ rows: 1 });
      expect(holder.pid).toBeDefined();
    });

    test('stops being waited for when the run is aborted', async () => {
      await load(warehouse.openWith({}), D1, 'a');
      await using holder = await hold(warehouse.path, 'READ_WRITE');
      const stop = new AbortController();
      const reading = warehouse.openWith({}).read([{ name: 'users_daily', detailFrom: D1 }], stop.signal);
      stop.abort(new Error('stop'));
      await expect(reading).rejects.toThrow('stop');
      expect(holder.pid).toBeDefined();
    });
  });

  test('with a log that only an open that may write can replay is read all the same, and nothing in it is lost', async () => {
    await load(warehouse.openWith({}), D1, 'a');
    await leaveLog();
    expect(await read(warehouse.openWith({}))).toMatchObject({ rows: 1, ledgerRows: 1 });
    expect(await warehouse.sql('SELECT count(*)::INTEGER AS n FROM theirs')).toEqual([{ n: 5000 }]);
  });

  test('is free for other programs between two calls', async () => {
    const destination = warehouse.openWith({});
    await load(destination, D1, 'a');
    await read(destination);
    const program = `const { DuckDBInstance } = await import('@duckdb/node-api');
      const instance = await DuckDBInstance.create(process.argv[1]);
      const connection = await instance.connect();
      await connection.run('CREATE TABLE mine (a INTEGER)');`;
    await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program, warehouse.path]);
    expect(await load(destination, D2, 'b')).toHaveLength(1);
  });

  describe('for which several wait to write', () => {
    /** A destination, and how often it opened the file. */
    function counted() {
      let opened = 0;
      const engine: Engine = {
        ...warehouse.engine,
        connect: () => {
          opened += 1;
          return warehouse.engine.connect();
        },
      };
      return { destination: warehouse.openWith({ engine: async () => engine }), opened: () => opened };
    }

    const note = (destination: Destination, heard = signal) =>
      destination.note([entryOf(D1, { outcome: 'failed' })], heard);

    test('is handed on open, and closed by the last of them', async () => {
      const { destination, opened } = counted();
      const notes = await Promise.all(Array.from({ length: 20 }, () => note(destination)));
      expect(notes).toEqual(notes.map(() => true));
      expect(opened()).toBe(1);
      await using holder = await hold(warehouse.path, 'READ_WRITE');
      expect(holder.pid).toBeDefined();
    });

    test('is opened anew after one that failed: nothing that it left is met by the next', async () => {
      const { destination, opened } = counted();
      const batch = await batchOf(D1, 'a');
      const [before, failed, after] = await Promise.all([
        note(destination),
        failure(destination.replace({ ...batch, table: { ...batch.table, name: 'never_made' } }, signal)),
        note(destination),
      ]);
      expect(failed).toMatchObject({ code: 'COMMIT_FAILED' });
      expect([before, after]).toEqual([true, true]);
      expect(opened()).toBe(2);
    });

    test('passes over one that is not wanted any more', async () => {
      const { destination, opened } = counted();
      await load(destination, D1, 'a');
      const before = opened();
      const unwanted = new AbortController();
      const all = Promise.all([
        note(destination),
        failure(destination.replace(await batchOf(D2, 'b'), unwanted.signal)),
        note(destination),
      ]);
      unwanted.abort();
      const [first, failed, last] = await all;
      expect([first, last]).toEqual([true, true]);
      expect(failed).toBe(unwanted.signal.reason);
      expect(opened()).toBe(before + 1);
      expect(await read(destination)).toMatchObject({ rows: 1 });
    });

    // Three seconds, which is how long it may be kept.
    if (full) {
      test('is not kept from another process for long', { timeout: 60_000 }, async () => {
        const destination = warehouse.openWith({});
        await load(destination, D1, 'a');
        const entry = entryOf(D2, { rowCount: 300_000 });
        const loading = promisify(execFile)(process.execPath, await orderOf(entry));
        let done = false;
        void loading.finally(() => {
          done = true;
        });
        // Somebody waits at any time.
        const busy = async () => {
          while (!done) await note(destination);
        };
        await Promise.all([busy(), busy(), busy(), loading]);
        expect((await loading).stdout).toBe('');
        expect(await read(destination)).toMatchObject({ rows: 300_001 });
      });
    }
  });

  test('under two names in one process is one file, worked on in turns', async () => {
    await load(warehouse.openWith({}), D1, 'a');
    const link = join(warehouse.folder, 'link');
    await symlink(dirname(warehouse.path), link);
    const other = warehouse.openWith({ path: join(link, 'usage.duckdb') });
    const batches = await Promise.all([batchOf(D1, 'b'), batchOf(D1, 'c'), batchOf(D2, 'd'), batchOf(D2, 'e')]);
    await Promise.all(batches.map((batch, i) => (i % 2 === 0 ? other : warehouse.openWith({})).replace(batch, signal)));
    expect(await read(other)).toMatchObject({ rows: 2, ledgerRows: 2 });
  });

  test('is read without a byte of it, or a file beside it, being changed', async () => {
    const destination = warehouse.openWith({});
    await load(destination, D1, 'a');
    const digest = async () =>
      createHash('sha256')
        .update(await readFile(warehouse.path))
        .digest('hex');
    const before = await digest();
    await read(destination);
    expect(await digest()).toBe(before);
  });

  test('takes a schema of its own, which prepare makes', async () => {
    const destination = warehouse.openWith({ schema: 'usage data' });
    await load(destination, D1, 'a');
    expect(await read(destination)).toMatchObject({ exists: true, rows: 1 });
    expect(await warehouse.sql('SELECT user_id FROM "usage data".users_daily')).toEqual([{ user_id: 'a' }]);
    expect(await read(warehouse.openWith({}))).toMatchObject({ exists: false, rows: 0 });
  });

  test('describes its columns', async () => {
    await load(warehouse.openWith({}), D1, 'a');
    const comments = await warehouse.sql(
      `SELECT column_name AS name, comment FROM duckdb_columns() WHERE table_name = 'users_daily' AND comment IS NULL`,
    );
    expect(comments).toEqual([]);
  });

  describe('that a killed commit left half replayed', () => {
    /** What DuckDB's replay brings back: a load's rows, its pending row, and no ledger row. */
    async function plantHalf(loadId: string) {
      await warehouse.sql(
        `INSERT INTO main.users_daily SELECT * REPLACE ('${loadId}' AS _load_id) FROM main.users_daily`,
      );
      await warehouse.sql(`INSERT INTO main._exportd_pending VALUES ('${loadId}', 'users_daily')`);
    }

    test('is read without the rows that no ledger row names', async () => {
      const destination = warehouse.openWith({});
      await load(destination, D1, 'a', 'b');
      await plantHalf('half');
      const table = await read(destination);
      expect(table).toMatchObject({ rows: 2, ledgerRows: 2 });
      expect(table?.present).toEqual(new Map([[keyOf(D1), 2]]));
    });

    test.each(['prepare', 'replace', 'note'] as const)('is settled by %s before it writes', async (call) => {
      const destination = warehouse.openWith({});
      await load(destination, D1, 'a', 'b');
      await plantHalf('half');
      if (call === 'prepare') await destination.prepare(tableSpec(), COLUMNS, signal);
      if (call === 'replace') await destination.replace(await batchOf(D2, 'c'), signal);
      if (call === 'note') await destination.note([entryOf(D2, { outcome: 'failed' })], signal);
      expect(await warehouse.sql(`FROM main._exportd_pending`)).toEqual([]);
      const rows = await warehouse.sql(
        `SELECT user_id FROM main.users_daily WHERE _period_date = '${D1}' ORDER BY ALL`,
      );
      expect(rows).toEqual([{ user_id: 'a' }, { user_id: 'b' }]);
    });

    test('is settled in every schema of the file', async () => {
      await load(warehouse.openWith({}), D1, 'a');
      await plantHalf('half');
      await load(warehouse.openWith({ schema: 'other' }), D1, 'z');
      expect(await warehouse.sql(`SELECT count(*)::INTEGER AS n FROM main.users_daily`)).toEqual([{ n: 1 }]);
    });

    test('keeps the rows of a load that the ledger knows, and of every other load when the ledger is gone', async () => {
      const destination = warehouse.openWith({});
      const [entry] = await load(destination, D1, 'a');
      await warehouse.sql(`INSERT INTO main._exportd_pending VALUES ('${entry?.loadId}', 'users_daily')`);
      await destination.prepare(tableSpec(), COLUMNS, signal);
      await plantHalf('half');
      await warehouse.sql('DROP TABLE main._exportd_loads');
      await destination.prepare(tableSpec(), COLUMNS, signal);
      expect(await warehouse.sql('SELECT user_id, _load_id AS load FROM main.users_daily')).toEqual([
        { user_id: 'a', load: entry?.loadId },
      ]);
    });
  });

  describe('whose ledger is of another version', () => {
    test('lacking columns is read, and given them by prepare', async () => {
      const destination = warehouse.openWith({});
      await load(destination, D1, 'a');
      await warehouse.sql('DROP VIEW main._exportd_state');
      await warehouse.sql('ALTER TABLE main._exportd_loads DROP COLUMN policy');
      expect((await read(destination))?.states.get(keyOf(D1))).toMatchObject({ outcome: 'loaded', policy: '' });
      await load(destination, D2, 'b');
      expect((await read(destination))?.states.get(keyOf(D2))).toMatchObject({ policy: 'policy-1' });
      expect(await warehouse.sql('SELECT count(policy)::INTEGER AS n FROM main._exportd_state')).toEqual([{ n: 1 }]);
    });

    test('with more columns and an outcome of its own is no obstacle, and that outcome no state', async () => {
      const destination = warehouse.openWith({});
      await load(destination, D1, 'a');
      await warehouse.sql('ALTER TABLE main._exportd_loads ADD COLUMN mood VARCHAR');
      await warehouse.sql(
        `INSERT INTO main._exportd_loads BY NAME SELECT * REPLACE ('sampled' AS outcome, now() + INTERVAL 1 hour AS loaded_at) FROM main._exportd_loads`,
      );
      expect((await read(destination))?.states.get(keyOf(D1))).toMatchObject({ outcome: 'loaded' });
      await load(destination, D1, 'b');
      expect(await read(destination)).toMatchObject({ rows: 1, ledgerRows: 1 });
    });
  });

  test("the last load is the newest also after the machine's clock went back", async () => {
    const destination = warehouse.openWith({});
    await load(destination, D1, 'a', 'b');
    await warehouse.sql('UPDATE main._exportd_loads SET loaded_at = now() + INTERVAL 1 hour');
    const [entry] = await load(destination, D1, 'c');
    expect((await read(destination))?.states.get(keyOf(D1))?.rowsLoadId).toBe(entry?.loadId);
  });

  test('no value of a row stands in an error', async () => {
    const destination = warehouse.openWith({});
    await destination.prepare(tableSpec(), COLUMNS, signal);
    const entry = entryOf(D1, { rowCount: 1 });
    const columns = COLUMNS.map((column) => ({ ...column, type: 'string' as const }));
    const rows = [{ user_id: 'a', messages_total: 'ada@example.com' }];
    const staged = await stageRows(warehouse.engine, warehouse.folder, columns, [{ entry, rows }]);
    const error = await failure(
      destination.replace(
        { staged, table: tableSpec(), insert: [entry.loadId], entries: [entry], dates: [D1] },
        signal,
      ),
    );
    expect(error).toMatchObject({ code: 'COMMIT_FAILED', scope: 'table' });
    expect(inspect(error, { depth: 9 })).not.toContain('ada');
  });

  describe('that cannot be one', () => {
    const refused = async (path: string, message: RegExp) => {
      const destination = warehouse.openWith({ path });
      for (const error of [
        await failure(destination.prepare(tableSpec(), COLUMNS, signal)),
        await failure(destination.replace(await batchOf(D1, 'a'), signal)),
      ]) {
        expect(error).toMatchObject({ code: 'DESTINATION_UNREACHABLE', scope: 'destination' });
        expect(String(error)).toMatch(message);
        expect(String(error)).toContain(path);
      }
    };

    test('because it is something else, is refused and left alone', async () => {
      const path = join(warehouse.folder, 'notes.txt');
      await writeFile(path, 'nothing to do with DuckDB\n'.repeat(1000));
      await refused(path, /is not a DuckDB file/);
      expect(await failure(read(warehouse.openWith({ path })))).toMatchObject({ code: 'DESTINATION_UNREACHABLE' });
      expect(await readFile(path, 'utf8')).toContain('nothing to do with DuckDB');
    });

    test('because it is a folder, or lies below a file, is refused', async () => {
      await mkdir(join(warehouse.folder, 'folder'));
      await refused(join(warehouse.folder, 'folder'), /is a folder/);
      await writeFile(join(warehouse.folder, 'file'), '');
      await refused(join(warehouse.folder, 'file', 'usage.duckdb'), /not a folder/);
    });
  });

  test('a full disk changes nothing, and says so', async () => {
    const destination = warehouse.openWith({});
    await load(destination, D1, 'a');
    const entry = entryOf(D2, { rowCount: 300_000 });
    // A limit on the size of files (4 MB) is as good as a full disk: DuckDB cannot write on.
    const limited = ['-c', 'ulimit -f 8192; exec "$0" "$@"', process.execPath, ...(await orderOf(entry))];
    const { stdout } = await promisify(execFile)('sh', limited);
    expect(JSON.parse(stdout)).toMatchObject({ code: 'DESTINATION_FULL', scope: 'destination' });
    expect(await read(destination)).toMatchObject({ rows: 1, ledgerRows: 1 });
    expect(await load(destination, D2, 'b')).toHaveLength(1);
    expect(await read(destination)).toMatchObject({ rows: 2, ledgerRows: 2 });
  });
});
