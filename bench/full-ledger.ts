import { DuckDBInstance } from '@duckdb/node-api';
import { METADATA_COLUMNS } from '../src/core/columns.ts';
import { contractColumns } from '../src/core/contract.ts';
import { LEDGER_COLUMNS } from '../src/destinations/destination.ts';
import { NATIVE_TYPES } from '../src/destinations/duckdb/schema.ts';
import { remove } from './process.ts';

/** The days that every job of the bench has: 2025, closed and settled. */
export const LEDGER_NOW = '2026-01-01T12:00:00Z';

/**
 * A DuckDB file of `tables` tables with 365 loaded days each, one row a day, and as many older ledger rows a key as
 * make `ledgerRows` in all. Written by SQL: a year of real runs would take a year.
 */
export async function writeFullLedger(database: string, tables: number, ledgerRows: number): Promise<void> {
  remove(database);
  const instance = await DuckDBInstance.create(database);
  const connection = await instance.connect();
  const ledger = LEDGER_COLUMNS.map(({ name, type }) => `${name} ${NATIVE_TYPES[type]}`).join(', ');
  const data = [...METADATA_COLUMNS, ...contractColumns({ dataType: 'users', groupBy: 'model' })]
    .map(({ name, type }) => `"${name}" ${NATIVE_TYPES[type]}`)
    .join(', ');
  const perKey = Math.max(1, Math.round(ledgerRows / (tables * 365)));
  await connection.run(`CREATE TABLE _exportd_loads (${ledger})`);
  await connection.run(`
    INSERT INTO _exportd_loads BY NAME
    SELECT
      printf('%08d-%06d-%04d', n, t, d) AS load_id, 'run' AS run_id, 'bench/00000000' AS instance,
      'job_' || t AS job, 'lookback' AS reason, 'mock' AS source, 'ws-1' AS org_id, 'users' AS data_type,
      'model' AS group_by, 'day' AS grain, 1 AS span, 'Europe/Berlin' AS timezone, 'job_' || t AS table_name,
      'mock/users:model/' || day || '/' || (day + 1) || '@Europe/Berlin' AS period_key, day AS period_date,
      timezone('Europe/Berlin', day::TIMESTAMP) AS period_start, timezone('Europe/Berlin', (day + 1)::TIMESTAMP) AS period_end,
      CASE WHEN n = 0 THEN 'loaded' ELSE 'unchanged' END AS outcome,
      printf('%08d-%06d-%04d', 0, t, d) AS rows_load_id, true AS closed, n = ${perKey - 1} AS settled, 1 AS row_count,
      1000 AS byte_count, '{"messages_total": "1"}' AS totals, 'digest' AS body_digest, 'duckdb1.5:0' AS fingerprint,
      '0000000000000000' AS policy, 500 AS answer_ms,
      timezone('UTC', (day + 1 + n::INTEGER)::TIMESTAMP) AS extracted_at, timezone('UTC', (day + 1 + n::INTEGER)::TIMESTAMP) AS loaded_at,
      '0.1.0' AS exportd_version
    FROM range(${tables}) AS tables(t), range(365) AS days(d), range(${perKey}) AS loads(n),
      LATERAL (SELECT DATE '2025-01-01' + d::INTEGER AS day)
    ORDER BY table_name, period_key, loaded_at`);
  for (let table = 0; table < tables; table++) {
    await connection.run(`CREATE TABLE job_${table} (${data})`);
    await connection.run(
      `INSERT INTO job_${table} BY NAME SELECT period_key AS _period_key, period_date AS _period_date, load_id AS _load_id,
         period_start AS _period_start, period_end AS _period_end, source AS _source, extracted_at AS _extracted_at
       FROM _exportd_loads WHERE table_name = 'job_${table}' AND outcome = 'loaded'`,
    );
  }
  connection.closeSync();
  instance.closeSync();
}
