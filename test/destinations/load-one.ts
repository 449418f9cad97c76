/** Loads one staged file in a process of its own, and prints the error that it meets as JSON. */
import { ExportdError } from '../../src/core/errors.ts';
import { COLUMNS, tableSpec } from '../contract/entries.ts';
import { stagedAt } from '../contract/staged.ts';
import { openFor } from './duckdb-warehouse.ts';

const { path, folder, staged, entry } = JSON.parse(process.argv[2] ?? '{}');
const { destination } = await openFor({ path, folder });
const batch = {
  staged: stagedAt(staged, COLUMNS),
  table: tableSpec(),
  insert: [entry.loadId],
  entries: [entry],
  dates: [entry.periodDate],
};
try {
  await destination.replace(batch, new AbortController().signal);
} catch (error) {
  if (!(error instanceof ExportdError)) throw error;
  console.log(JSON.stringify({ code: error.code, scope: error.scope, message: error.message }));
}
