/** An exportd that loads one staged batch, until somebody kills it. */

import { COLUMNS, tableSpec } from '../contract/entries.ts';
import { stagedAt } from '../contract/staged.ts';
import { openFor } from './warehouse.ts';

const { place, folder, path, entry } = JSON.parse(process.argv[2] ?? '{}');
const { destination } = await openFor({ place, folder });
const batch = {
  staged: stagedAt(path, COLUMNS),
  table: tableSpec(),
  insert: [entry.loadId],
  entries: [entry],
  dates: [entry.periodDate],
};
await destination.replace(batch, new AbortController().signal);
