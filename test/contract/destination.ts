import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ExportdError } from '../../src/core/errors.ts';
import type { Column, LedgerEntry, LocalDate, TableSpec } from '../../src/core/words.ts';
import type { Batch, Destination } from '../../src/destinations/destination.ts';
import type { Engine } from '../../src/duckdb/engine.ts';
import { COLUMNS, entryOf, keyOf, tableSpec } from './entries.ts';
import type { LoaderOrder } from './loader.ts';
import { loadIds, type Row, type StagedRows, stageRows } from './staged.ts';

/** A warehouse under test, empty at first. */
export interface Warehouse extends AsyncDisposable {
  /** For staged files. */
  readonly engine: Engine;
  /** For staged files; goes with the warehouse. */
  readonly folder: string;
  /** A destination on the warehouse; several may be open. */
  open(options?: { instance?: string; now?: number }): Destination;
  /** What a person does with the warehouse's own client, while no exportd works. */
  sql(statement: string): Promise<Readonly<Record<string, unknown>>[]>;
  /** What a person writes otherwise from one warehouse to the next: the type of texts, and a map as its text. */
  readonly words: { readonly text: string; textOfMap(column: string): string };
  /** The name that a person writes for a table of the destination. */
  table(name: string): string;
  /** False where nothing was ever made in it. */
  touched(): Promise<boolean>;
  /** How another process opens the same warehouse: a module with `openFor(options): Promise<{ destination, engine }>`. */
  readonly elsewhere: { readonly module: string; readonly options: unknown };
}

const D1 = '2026-11-21';
const D2 = '2026-11-22';
const D3 = '2026-11-23';

/** What every destination promises, whatever its warehouse. */
export function destinationContract(name: string, start: () => Promise<Warehouse>): void {
  describe(`destination ${name}`, () => {
    let warehouse: Warehouse;
    let destination: Destination;
    const signal = new AbortController().signal;

    beforeEach(async () => {
      warehouse = await start();
      destination = warehouse.open();
    });
    afterEach(async () => {
      await destination[Symbol.asyncDispose]();
      await warehouse[Symbol.asyncDispose]();
    });

    const users = (...names: string[]): Row[] => names.map((user_id, i) => ({ user_id, messages_total: i + 1 }));

    const load = (date: LocalDate, rows: readonly Row[], change: Partial<LedgerEntry> = {}): StagedRows => ({
      entry: entryOf(date, { rowCount: rows.length, ...change }),
      rows,
    });

    async function batchOf(
      loads: readonly StagedRows[],
      others: readonly LedgerEntry[] = [],
      { table = tableSpec(), columns = COLUMNS }: { table?: TableSpec; columns?: readonly Column[] } = {},
    ): Promise<Batch> {
      const entries = [...loads.map(({ entry }) => entry), ...others];
      return {
        staged: loads.length === 0 ? undefined : await stageRows(warehouse.engine, warehouse.folder, columns, loads),
        table,
        insert: loadIds(loads),
        entries,
        dates: [...new Set(entries.map((entry) => entry.periodDate))],
      };
    }

    async function commit(...parameters: Parameters<typeof batchOf>): Promise<readonly LedgerEntry[]> {
      const batch = await batchOf(...parameters);
      await destination.prepare(batch.table, parameters[2]?.columns ?? COLUMNS, signal);
      return await destination.replace(batch, signal);
    }

    async function tableNow(): Promise<string[]> {
      const rows = await warehouse.sql(
        `SELECT _period_key, user_id FROM ${warehouse.table('users_daily')} ORDER BY _period_date, _period_key, user_id`,
      );
      return rows.map((row) => `${String(row._period_key).split('/', 3).join('/')} ${row.user_id}`);
    }

    async function readTable(detailFrom: LocalDate | undefined = D1, from: Destination = destination) {
      const reading = await from.read([{ name: 'users_daily', detailFrom }], signal);
      const table = reading.tables.get('users_daily');
      if (table === undefined) throw new Error('a table that was asked for is not in the answer');
      return table;
    }

    const ledgerCount = async () =>
      Number((await warehouse.sql(`SELECT count(*) AS n FROM ${warehouse.table('_exportd_loads')}`))[0]?.n);

    const refusal = async (work: Promise<unknown>): Promise<ExportdError> => {
      const error = await work.then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      if (error instanceof ExportdError) return error;
      throw new Error('no ExportdError was thrown', { cause: error });
    };

    describe('read', () => {
      test('finds nothing in an empty warehouse, and makes nothing', async () => {
        const table = await readTable();
        expect(table).toMatchObject({ exists: false, rows: 0, ledgerRows: 0, holds: undefined, columns: [] });
        expect(table.states.size).toBe(0);
        expect(await warehouse.touched()).toBe(false);
      });

      test('tells what a load left: state, rows, report, columns and forecast', async () => {
        const [entry] = await commit([load(D1, users('a', 'b'), { answerMs: 1000 })]);
        await commit([load(D2, users('c'), { answerMs: 3000 })]);
        const table = await readTable(D2);
        expect(table).toMatchObject({ exists: true, rows: 3, ledgerRows: 3 });
        expect(table.holds).toEqual({
          report: { dataType: 'users', groupBy: 'model' },
          grain: 'day',
          span: 1,
          timezones: new Map([['acme', 'Europe/Berlin']]),
        });
        expect(table.states.get(keyOf(D1))).toEqual({
          source: 'acme',
          orgId: 'org-of-acme',
          periodDate: D1,
          start: entry?.periodStart,
          end: entry?.periodEnd,
          outcome: 'loaded',
          closed: true,
          settled: true,
          rows: 2,
          rowsLoadId: entry?.loadId,
          policy: 'policy-1',
          requestedAt: entry?.extractedAt,
          held: undefined,
          failed: undefined,
          detail: undefined,
        });
        expect(table.columns.map(({ name, type }) => [name, type])).toEqual([
          ['user_id', 'string'],
          ['messages_total', 'integer'],
          ['_period_key', 'string'],
          ['_period_date', 'date'],
          ['_period_start', 'timestamp'],
          ['_period_end', 'timestamp'],
          ['_source', 'string'],
          ['_load_id', 'string'],
          ['_extracted_at', 'timestamp'],
        ]);
        expect(table.answerMs).toEqual(new Map([['acme', 2000]]));
        expect(table.firstPlanned).toEqual(new Map([['acme', D1]]));
      });

      test('gives detail and counts of keys from detailFrom on, and detail of older ones that are not settled or held', async () => {
        await commit([load(D1, users('a')), load(D2, users('b'), { settled: false }), load(D3, users('c', 'd'))]);
        const table = await readTable(D3);
        expect(table.states.get(keyOf(D1))?.detail).toBeUndefined();
        expect(table.states.get(keyOf(D2))?.detail).toBeDefined();
        expect(table.states.get(keyOf(D3))?.detail).toEqual({
          bodyDigest: 'sha-of-the-body',
          fingerprint: 'duckdb1.5:abc',
          totals: { messages_total: '12345678901234567890' },
        });
        expect(table.present).toEqual(new Map([[keyOf(D3), 2]]));
        await destination.note([entryOf(D1, { outcome: 'held', errorCode: 'SHRUNK' })], signal);
        expect((await readTable(undefined)).states.get(keyOf(D1))?.detail).toBeDefined();
      });

      test('counts a key whose rows somebody deleted as present with none', async () => {
        await commit([load(D1, users('a')), load(D2, users('b'))]);
        await warehouse.sql(`DELETE FROM ${warehouse.table('users_daily')} WHERE user_id = 'a'`);
        const table = await readTable(D1);
        expect(table).toMatchObject({ rows: 1, ledgerRows: 2 });
        expect(table.present).toEqual(
          new Map([
            [keyOf(D1), 0],
            [keyOf(D2), 1],
          ]),
        );
      });

      test('names tables of the ledger that nobody asked for', async () => {
        const table = tableSpec({ name: 'old_users' });
        await commit([load(D1, users('a'), { tableName: 'old_users', job: 'gone' })], [], { table });
        const { others } = await destination.read([{ name: 'users_daily', detailFrom: undefined }], signal);
        expect(others).toMatchObject([{ table: 'old_users', job: 'gone' }]);
        expect(Math.abs((others[0]?.lastLoad ?? 0) - Date.now())).toBeLessThan(60_000);
      });

      test('names another exportd that wrote in the last 15 minutes, and no older one', async () => {
        await commit([load(D1, users('a'), { instance: 'there/00000002' })]);
        await commit([load(D2, users('a'), { instance: 'here/00000001' })]);
        expect((await readTable()).instances).toEqual(['there/00000002']);
        await using later = warehouse.open({ now: Date.now() + 16 * 60_000 });
        expect((await readTable(D1, later)).instances).toEqual([]);
      });

      test('takes the oldest planned period, and none that a person asked for', async () => {
        await commit([load(D1, users('a'), { reason: 'requested' }), load(D2, users('b'))]);
        expect((await readTable()).firstPlanned).toEqual(new Map([['acme', D2]]));
      });

      test('stops when it is aborted', async () => {
        await expect(
          destination.read([{ name: 'users_daily', detailFrom: undefined }], AbortSignal.abort(new Error('stop'))),
        ).rejects.toThrow('stop');
      });
    });

    describe('replace', () => {
      test("a new key: its rows, and a ledger row with the warehouse's clock", async () => {
        const [entry] = await commit([load(D1, users('a', 'b'))]);
        expect(await tableNow()).toEqual([`acme/users:model/${D1} a`, `acme/users:model/${D1} b`]);
        expect(Math.abs((entry?.loadedAt ?? 0) - Date.now())).toBeLessThan(60_000);
        expect(entry).toEqual({
          ...entryOf(D1, { rowCount: 2, loadId: entry?.loadId ?? '' }),
          loadedAt: entry?.loadedAt,
        });
      });

      test('a key again: the old rows are gone, other keys untouched', async () => {
        await commit([load(D1, users('a', 'b')), load(D2, users('c'))]);
        const [entry] = await commit([load(D1, users('b', 'z', 'y'))]);
        expect(await tableNow()).toEqual([
          `acme/users:model/${D1} b`,
          `acme/users:model/${D1} y`,
          `acme/users:model/${D1} z`,
          `acme/users:model/${D2} c`,
        ]);
        expect((await readTable()).states.get(keyOf(D1))?.rowsLoadId).toBe(entry?.loadId);
      });

      test('rows whose date moved are found by the dates that the ledger names', async () => {
        await commit([load(D1, users('a'), { periodKey: keyOf(D2) })]);
        const batch = await batchOf([load(D2, users('b'))]);
        await destination.replace({ ...batch, dates: [D1, D2] }, signal);
        expect(await tableNow()).toEqual([`acme/users:model/${D2} b`]);
      });

      test('several keys and sources in one batch', async () => {
        await commit([
          load(D1, users('a')),
          load(D1, users('a'), { source: 'beta' }),
          load(D2, users('b'), { source: 'beta' }),
        ]);
        expect(await tableNow()).toEqual([
          `acme/users:model/${D1} a`,
          `beta/users:model/${D1} a`,
          `beta/users:model/${D2} b`,
        ]);
        await commit([load(D1, users('z'), { source: 'beta' })]);
        expect(await tableNow()).toEqual([
          `acme/users:model/${D1} a`,
          `beta/users:model/${D1} z`,
          `beta/users:model/${D2} b`,
        ]);
      });

      test('only the loads that were let through go in', async () => {
        const loads = [load(D1, users('a')), load(D2, users('b'))];
        const batch = await batchOf(loads);
        await destination.prepare(batch.table, COLUMNS, signal);
        await destination.replace(
          { ...batch, insert: batch.insert.slice(0, 1), entries: batch.entries.slice(0, 1) },
          signal,
        );
        expect(await tableNow()).toEqual([`acme/users:model/${D1} a`]);
      });

      test('empty and forgotten delete the rows and say so', async () => {
        await commit([load(D1, users('a')), load(D2, users('b')), load(D3, users('c'))]);
        await commit([], [entryOf(D1, { outcome: 'empty' }), entryOf(D2, { outcome: 'forgotten' })]);
        expect(await tableNow()).toEqual([`acme/users:model/${D3} c`]);
        const table = await readTable();
        expect(table.states.get(keyOf(D1))).toMatchObject({ outcome: 'empty', rows: 0, rowsLoadId: undefined });
        expect(table.states.get(keyOf(D2))).toMatchObject({ outcome: 'forgotten', rows: 0, rowsLoadId: undefined });
      });

      test('unchanged leaves the rows and is a newer state of them', async () => {
        const [first] = await commit([load(D1, users('a'), { settled: false })]);
        const unchanged = entryOf(D1, { outcome: 'unchanged', rowsLoadId: first?.loadId, rowCount: 1 });
        expect(await commit([], [unchanged])).toHaveLength(1);
        expect(await tableNow()).toEqual([`acme/users:model/${D1} a`]);
        expect((await readTable()).states.get(keyOf(D1))).toMatchObject({
          outcome: 'unchanged',
          rowsLoadId: first?.loadId,
          settled: true,
          rows: 1,
        });
      });

      test('unchanged is not appended where another load has replaced the rows meanwhile', async () => {
        const [first] = await commit([load(D1, users('a'))]);
        await commit([load(D1, users('b'))]);
        const late = entryOf(D1, { outcome: 'unchanged', rowsLoadId: first?.loadId, rowCount: 1 });
        expect(await commit([], [late])).toEqual([]);
        expect(await ledgerCount()).toBe(2);
      });

      test('unchanged is not appended where the key went empty or was reset meanwhile', async () => {
        const [first] = await commit([load(D1, users('a'))]);
        await commit([], [entryOf(D1, { outcome: 'empty' })]);
        expect(await commit([], [entryOf(D1, { outcome: 'unchanged', rowsLoadId: first?.loadId })])).toEqual([]);
      });

      test('the same batch again is answered from the ledger', async () => {
        const batch = await batchOf([load(D1, users('a'))], [entryOf(D2, { outcome: 'empty' })]);
        await destination.prepare(batch.table, COLUMNS, signal);
        const first = await destination.replace(batch, signal);
        await commit([load(D1, users('b'))]);
        expect(await destination.replace(batch, signal)).toEqual(first);
        expect(await tableNow()).toEqual([`acme/users:model/${D1} b`]);
        expect(await ledgerCount()).toBe(3);
      });

      test('a count that differs changes nothing', async () => {
        await commit([load(D1, users('a'))]);
        const batch = await batchOf([load(D1, users('b', 'c'), { rowCount: 3 })]);
        const error = await refusal(destination.replace(batch, signal));
        expect(error).toMatchObject({ code: 'COMMIT_FAILED', scope: 'table', retryable: false });
        expect(error.message).toContain('2 rows arrived of 3');
        expect(await tableNow()).toEqual([`acme/users:model/${D1} a`]);
        expect(await ledgerCount()).toBe(1);
      });

      test('a staged file that is gone changes nothing, and the next batch goes through', async () => {
        await commit([load(D1, users('a'))]);
        const batch = await batchOf([load(D1, users('b'))]);
        await batch.staged?.[Symbol.asyncDispose]();
        expect((await refusal(destination.replace(batch, signal))).code).toBe('COMMIT_FAILED');
        expect(await tableNow()).toEqual([`acme/users:model/${D1} a`]);
        await commit([load(D1, users('c'))]);
        expect(await tableNow()).toEqual([`acme/users:model/${D1} c`]);
      });

      test('an abort before the transaction begins changes nothing', async () => {
        const batch = await batchOf([load(D1, users('a'))]);
        await destination.prepare(batch.table, COLUMNS, signal);
        await expect(destination.replace(batch, AbortSignal.abort(new Error('stop')))).rejects.toThrow('stop');
        expect(await tableNow()).toEqual([]);
      });

      test('values of every type arrive as they were staged', async () => {
        const columns: readonly Column[] = (
          [
            ['t', 'string'],
            ['i', 'integer'],
            ['n', 'numeric'],
            ['w', 'numeric(38,18)'],
            ['f', 'float'],
            ['b', 'boolean'],
            ['d', 'date'],
            ['z', 'timestamp'],
            ['m', 'map'],
          ] as const
        ).map(([name, type]) => ({ name, type, description: '' }));
        const row = {
          t: "Zoë's \u0000 \u{1F44D}",
          i: '9007199254740993',
          n: '12345678901234567890123456789.123456789',
          w: '0.000000000000000001',
          f: 0.1,
          b: true,
          d: '2026-03-29',
          z: '2026-03-28T23:00:00.000001Z',
          m: { gpt: '1.50' },
        };
        await commit([load(D1, [row])], [], { columns });
        const { text, textOfMap } = warehouse.words;
        const [found] = await warehouse.sql(
          `SELECT t, CAST(i AS ${text}) AS i, CAST(n AS ${text}) AS n, CAST(w AS ${text}) AS w, f, b,
             CAST(d AS ${text}) AS d, CAST(z AS ${text}) AS z, ${textOfMap('m')} AS m
           FROM ${warehouse.table('users_daily')}`,
        );
        expect(found).toEqual({ ...row, z: '2026-03-28 23:00:00.000001+00', m: '{"gpt":"1.50"}' });
        const types = (await readTable()).columns.map(({ type }) => type);
        expect(types.slice(0, columns.length)).toEqual(columns.map(({ type }) => type));
      });

      test('columns named like SQL words load twice (case d02)', async () => {
        const names = ['order', 'group', 'default', 'table', 'select', 'date', 'desc', 'start'];
        const columns: Column[] = names.map((name) => ({ name, type: 'string', description: `the ${name}` }));
        const row = Object.fromEntries(names.map((name, i) => [name, String(i)]));
        await commit([load(D1, [row])], [], { columns });
        await commit([load(D1, [row])], [], { columns });
        expect((await readTable()).rows).toBe(1);
        const [found] = await warehouse.sql(`SELECT * FROM ${warehouse.table('users_daily')}`);
        expect(found).toMatchObject(row);
      });
    });

    describe('prepare', () => {
      test('says that it made the table, once', async () => {
        expect(await destination.prepare(tableSpec(), COLUMNS, signal)).toEqual({ made: 'new', warnings: [] });
        expect(await destination.prepare(tableSpec(), COLUMNS, signal)).toEqual({ made: undefined, warnings: [] });
      });

      test('adds a new column; older rows have null in it, a vanished one is null in newer rows', async () => {
        await commit([load(D1, users('a'))]);
        const columns: Column[] = [
          { name: 'user_id', type: 'string', description: '' },
          { name: 'team', type: 'string', description: 'Team' },
        ];
        await commit([load(D2, [{ user_id: 'b', team: 'blue' }])], [], { columns });
        const rows = await warehouse.sql(
          `SELECT user_id, CAST(messages_total AS ${warehouse.words.text}) AS messages_total, team FROM ${warehouse.table('users_daily')} ORDER BY user_id`,
        );
        expect(rows).toEqual([
          { user_id: 'a', messages_total: '1', team: null },
          { user_id: 'b', messages_total: null, team: 'blue' },
        ]);
      });

      test('refuses a table that holds another report, naming both', async () => {
        await commit([load(D1, users('a'))]);
        const other = tableSpec({ report: { dataType: 'agents', groupBy: undefined }, grain: 'week' });
        const error = await refusal(destination.prepare(other, COLUMNS, signal));
        expect(error).toMatchObject({ code: 'TABLE_REFUSED', scope: 'table', retryable: false });
        expect(error.message).toBe('table users_daily holds users:model by day; this job brings agents by week');
        expect(error.hint).toContain('another table');
      });

      test('refuses another grain and another span of the same report', async () => {
        await commit([load(D1, users('a'))]);
        const rolling = await refusal(destination.prepare(tableSpec({ span: 30 }), COLUMNS, signal));
        expect(rolling.message).toContain('holds users:model by day; this job brings users:model by rolling 30 days');
      });

      test('with the ledger gone, the keys in the table say what it holds', async () => {
        await commit([load(D1, users('a'))]);
        await warehouse.sql(`DROP TABLE ${warehouse.table('_exportd_loads')}`);
        expect((await readTable()).holds).toMatchObject({
          report: { dataType: 'users', groupBy: 'model' },
          grain: 'day',
        });
        const error = await refusal(destination.prepare(tableSpec({ grain: 'month' }), COLUMNS, signal));
        expect(error.message).toContain('holds users:model by day; this job brings users:model by month');
        await destination.prepare(tableSpec(), COLUMNS, signal);
        await commit([load(D1, users('b'))]);
        expect(await tableNow()).toEqual([`acme/users:model/${D1} b`]);
      });

      test('refuses a table that is not ours, naming each column that differs, and leaves it alone', async () => {
        const { text } = warehouse.words;
        await warehouse.sql(
          `CREATE TABLE ${warehouse.table('users_daily')} (user_id ${text}, _period_key ${text}, _period_date ${text})`,
        );
        const error = await refusal(destination.prepare(tableSpec(), COLUMNS, signal));
        expect(error).toMatchObject({ code: 'TABLE_REFUSED', scope: 'table' });
        expect(error.message).toContain(`_period_date is ${text}, not DATE`);
        for (const column of ['_period_start', '_period_end', '_source', '_load_id', '_extracted_at']) {
          expect(error.message).toContain(`${column} is missing`);
        }
        expect((await readTable()).columns).toHaveLength(3);
      });
    });

    describe('what people do by hand', () => {
      test('a dropped table is made again after a reset that voids its states (reliability 25)', async () => {
        await commit([load(D1, users('a'))]);
        await warehouse.sql(`DROP TABLE ${warehouse.table('users_daily')}`);
        expect(await readTable()).toMatchObject({ exists: false, rows: 0, holds: undefined });
        const other = tableSpec({ grain: 'week' });
        expect(await destination.prepare(other, COLUMNS, signal)).toMatchObject({ made: 'again' });
        const table = await readTable();
        expect(table).toMatchObject({ exists: true, rows: 0, ledgerRows: 0, holds: undefined });
        expect(table.states.size).toBe(0);
        expect(table.firstPlanned).toEqual(new Map([['acme', D1]]));
      });

      test('killed between the reset and the new table: a second reset does no harm (reliability 25)', async () => {
        await commit([load(D1, users('a'))]);
        await warehouse.sql(`DROP TABLE ${warehouse.table('users_daily')}`);
        await destination.prepare(tableSpec(), COLUMNS, signal);
        await warehouse.sql(`DROP TABLE ${warehouse.table('users_daily')}`);
        expect(await destination.prepare(tableSpec(), COLUMNS, signal)).toMatchObject({ made: 'again' });
        await commit([load(D1, users('b'))]);
        const table = await readTable();
        expect(table).toMatchObject({ exists: true, rows: 1, ledgerRows: 1 });
        expect(table.states.get(keyOf(D1))?.outcome).toBe('loaded');
      });

      test('with the ledger dropped, the rows stay until their key is loaded again (reliability 25)', async () => {
        await commit([load(D1, users('a')), load(D2, users('b'))]);
        await warehouse.sql(`DROP TABLE ${warehouse.table('_exportd_loads')}`);
        expect(await readTable()).toMatchObject({ exists: true, rows: 2, ledgerRows: 0 });
        await commit([load(D1, users('z'))]);
        expect(await tableNow()).toEqual([`acme/users:model/${D1} z`, `acme/users:model/${D2} b`]);
      });

      test('a truncated table shows in the count', async () => {
        await commit([load(D1, users('a', 'b'))]);
        await warehouse.sql(`DELETE FROM ${warehouse.table('users_daily')} WHERE TRUE`);
        expect(await readTable()).toMatchObject({ exists: true, rows: 0, ledgerRows: 2 });
      });

      test('the view shows the newest state of each key, without voided ones and notes', async () => {
        await commit([load(D1, users('a')), load(D2, users('b'))]);
        await commit([load(D1, users('c', 'd'))]);
        await destination.note([entryOf(D2, { outcome: 'failed', errorCode: 'SOURCE_ERROR' })], signal);
        const { text } = warehouse.words;
        const view = `SELECT CAST(period_date AS ${text}) AS d, CAST(row_count AS ${text}) AS n
                      FROM ${warehouse.table('_exportd_state')} WHERE table_name = 'users_daily' ORDER BY d`;
        expect(await warehouse.sql(view)).toEqual([
          { d: D1, n: '2' },
          { d: D2, n: '1' },
        ]);
        await warehouse.sql(`DROP TABLE ${warehouse.table('users_daily')}`);
        await destination.prepare(tableSpec(), COLUMNS, signal);
        expect(await warehouse.sql(view)).toEqual([]);
      });
    });

    describe('notes', () => {
      test('are no state, and are written before anything was ever loaded', async () => {
        const failed = entryOf(D1, { outcome: 'failed', errorCode: 'SOURCE_ERROR', extractedAt: 1_000_000 });
        expect(await destination.note([failed], signal)).toBe(true);
        const table = await readTable();
        expect(table).toMatchObject({ exists: false, ledgerRows: 0 });
        expect(table.states.get(keyOf(D1))).toMatchObject({
          outcome: undefined,
          periodDate: D1,
          failed: { at: 1_000_000, code: 'SOURCE_ERROR', last: true },
        });
        expect(await destination.prepare(tableSpec(), COLUMNS, signal)).toMatchObject({ made: 'new' });
      });

      test('count where they are newer than the state, and the newest is told apart', async () => {
        const note = (outcome: 'failed' | 'held', extractedAt: number, errorCode: string) =>
          destination.note([entryOf(D1, { outcome, extractedAt, errorCode })], signal);
        await note('failed', 1000, 'SOURCE_ERROR');
        await commit([load(D1, users('a'))]);
        expect((await readTable()).states.get(keyOf(D1))).toMatchObject({ failed: undefined, held: undefined });
        await note('failed', 2000, 'SOURCE_TIMEOUT');
        await note('failed', 3000, 'VALUE_MISFIT');
        await note('held', 4000, 'SHRUNK');
        expect((await readTable()).states.get(keyOf(D1))).toMatchObject({
          outcome: 'loaded',
          failed: { at: 3000, code: 'VALUE_MISFIT', last: false },
          held: { at: 4000, code: 'SHRUNK' },
        });
        await note('failed', 5000, 'SOURCE_ERROR');
        expect((await readTable()).states.get(keyOf(D1))).toMatchObject({
          failed: { at: 5000, code: 'SOURCE_ERROR', last: true },
          held: { at: 4000, code: 'SHRUNK' },
        });
      });
    });

    describe('history', () => {
      test('is newest first, of the table or of one key', async () => {
        await commit([load(D1, users('a'))]);
        await commit([load(D2, users('b'))]);
        await destination.note([entryOf(D1, { outcome: 'failed', errorCode: 'SOURCE_ERROR' })], signal);
        const all = await collect(destination.history('users_daily', undefined, signal));
        expect(all.map((entry) => [entry.periodDate, entry.outcome])).toEqual([
          [D1, 'failed'],
          [D2, 'loaded'],
          [D1, 'loaded'],
        ]);
        const [, , oldest] = all;
        expect(oldest).toEqual({
          ...entryOf(D1, { rowCount: 1, loadId: oldest?.loadId ?? '' }),
          loadedAt: oldest?.loadedAt,
        });
        const one = await collect(destination.history('users_daily', keyOf(D2), signal));
        expect(one.map((entry) => entry.periodDate)).toEqual([D2]);
      });

      test('of a table that nobody loaded is empty', async () => {
        expect(await collect(destination.history('users_daily', undefined, signal))).toEqual([]);
      });
    });

    test("two processes that load the same new key at once leave one export's rows (reliability 5)", async () => {
      await destination.prepare(tableSpec(), COLUMNS, signal);
      const rounds = process.env.EXPORTD_FAULTS === 'full' ? 50 : 5;
      const loader = new URL('./loader.ts', import.meta.url);
      const children = ['there/00000002', 'there/00000003'].map((instance) =>
        fork(loader, [], { env: { ...process.env, LOADER: JSON.stringify({ ...warehouse.elsewhere, instance }) } }),
      );
      try {
        await Promise.all(children.map((child) => once(child, 'message')));
        for (let round = 0; round < rounds; round++) {
          await Promise.all(children.map((child, i) => order(child, { round, rows: 3 + i })));
        }
      } finally {
        for (const child of children) child.kill('SIGKILL');
      }
      const table = await readTable(undefined);
      expect(table.states.size).toBe(rounds);
      expect(table.rows).toBe(table.ledgerRows);
      const found = await warehouse.sql(
        `SELECT count(DISTINCT _load_id) AS loads FROM ${warehouse.table('users_daily')} GROUP BY _period_key`,
      );
      expect(found.map((row) => Number(row.loads))).toEqual(Array.from({ length: rounds }, () => 1));
      expect(await ledgerCount()).toBe(2 * rounds);
    });
  });
}

async function order(child: ChildProcess, what: LoaderOrder): Promise<void> {
  const answer = once(child, 'message');
  child.send(what);
  const [result] = await answer;
  expect(result).toBe('done');
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
