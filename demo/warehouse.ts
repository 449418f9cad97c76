import { rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { DuckDBInstance } from '@duckdb/node-api';
import { clip, printable, textTable } from '../src/cli/table.ts';

const FILE = fileURLToPath(new URL('../data/usage.duckdb', import.meta.url));

/** Removes what an earlier demo loaded, and nothing else. */
export async function removeWarehouse(): Promise<void> {
  for (const file of [FILE, `${FILE}.wal`]) await rm(file, { force: true });
}

/** A query's result as lines of text, numbers to the right. */
export async function queryLines(sql: string): Promise<string[]> {
  const instance = await DuckDBInstance.create(FILE, { access_mode: 'READ_ONLY' });
  try {
    const connection = await instance.connect();
    try {
      const reader = await connection.runAndReadAll(sql);
      const types = reader.columnTypes().map(String);
      const columns = reader.columnNames().map((title, i) => ({
        title,
        align: /INT|DECIMAL|DOUBLE/.test(types[i] ?? '') ? ('right' as const) : ('left' as const),
      }));
      const rows = reader.getRowsJson().map((row) => row.map((value) => clip(printable(String(value ?? '–')), 48)));
      return textTable(columns, rows);
    } finally {
      connection.closeSync();
    }
  } finally {
    instance.closeSync();
  }
}
