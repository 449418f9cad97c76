/** Replaces one key with many rows again and again, and says on stdout when its commit begins and when it has ended. */
import { randomUUIDv7 } from 'node:crypto';
import { writeSync } from 'node:fs';
import { parseKey } from '../../src/core/period-key.ts';
import type { Batch } from '../../src/destinations/destination.ts';
import { openDuckDb } from '../../src/destinations/duckdb/index.ts';
import { type Engine, openEngine, quoteText } from '../../src/duckdb/engine.ts';
import type { Landing, Staged } from '../../src/staging/staged.ts';
import { COLUMNS, entryOf, tableSpec } from '../contract/entries.ts';
import { stageUsers } from '../contract/staged.ts';

const [path = '', folder = '', rows = '', date = '', road = ''] = process.argv.slice(2);
const engine = await openEngine({ memoryLimit: 512_000_000, temporaryDirectory: folder });
const say = (line: string) => writeSync(1, `${line}\n`);

/** The engine, telling of the one commit that comes after an insert of rows. */
const telling: Engine = {
  ...engine,
  async connect() {
    const connection = await engine.connect();
    let inserted = false;
    return {
      ...connection,
      async run(sql, parameters) {
        if (sql !== 'COMMIT' || !inserted) return await connection.run(sql, parameters);
        say('committing');
        await connection.run(sql, parameters);
        say('committed');
      },
      async rows(sql, parameters) {
        if (sql.includes('read_parquet')) inserted = true;
        return await connection.rows(sql, parameters);
      },
    };
  },
};

const destination = openDuckDb({
  name: 'local',
  path,
  schema: 'main',
  lockTimeout: 20_000,
  engine: async () => telling,
  instance: 'child/00000001',
  clock: Date.now,
});
const signal = new AbortController().signal;

/** The same rows, as if they were parsed inside the transaction. */
async function filled(landing: Landing, batch: Batch & { readonly staged: Staged }): Promise<Batch> {
  const [entry] = batch.entries;
  const period = entry?.periodKey == null ? undefined : parseKey(entry.periodKey);
  if (entry === undefined || period === undefined) throw new Error('a batch without a key');
  const rows = `SELECT * FROM read_parquet(${quoteText(batch.staged.file.path)})`;
  await landing.put([{ loadId: entry.loadId, period }], rows, undefined);
  return { ...batch, staged: undefined };
}

for (;;) {
  const entry = entryOf(date, { loadId: randomUUIDv7(), rowCount: Number(rows) });
  await using staged = await stageUsers(engine, folder, entry);
  const batch = { staged, table: tableSpec(), insert: [entry.loadId], entries: [entry], dates: [date] };
  await destination.prepare(tableSpec(), COLUMNS, signal);
  if (road === 'by file') await destination.replace(batch, signal);
  else await destination.replaceFrom?.(tableSpec(), (landing) => filled(landing, batch), signal);
}
