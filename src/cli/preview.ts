import { type App, openApp } from '../app.ts';
import type { ColumnType } from '../core/words.ts';
import type { CommandContext, Exit } from './command.ts';
import { jobNamed, needExport, readConfig } from './jobs.ts';
import type { Paint } from './output.ts';
import { count, counted } from './phrases.ts';
import { clip, printable, textTable } from './table.ts';
import { countGiven, dateGiven } from './words-given.ts';

export interface PreviewOptions {
  readonly limit: string;
  readonly date?: string;
}

/** `exportd preview`: one export, typed as it would land, printed. Nothing is loaded, and no destination is opened. */
export async function preview(name: string, options: PreviewOptions, context: CommandContext): Promise<Exit> {
  const { clock, stop, output } = context;
  const limit = countGiven('--limit', options.limit);
  const date = dateGiven('--date', options.date);
  const config = readConfig(context);
  const job = jobNamed(config, name);
  needExport(config, job);
  await using app = await openApp({ config, clock, emit: () => undefined, concurrency: undefined });
  const shown = await app.preview(job, date, limit, stop);
  if (shown.load.problem !== undefined) throw shown.load.problem;
  if (output.format === 'json') await output.document({ job: name, ...previewDocument(shown) });
  else await output.print(previewText(shown, output.paint));
  return 0;
}

type Preview = Awaited<ReturnType<App['preview']>>;

function previewDocument({ columns, rows, load }: Preview) {
  return {
    period_key: load.ask.period.key,
    row_count: load.rows,
    columns: columns.map(({ name, type }) => ({ name, type })),
    rows: rows.map((row) => Object.fromEntries(columns.map((column, i) => [column.name, row[i] ?? null]))),
  };
}

/** Longer values are cut: a table of exports is wide enough. */
const WIDEST_CELL = 40;
const NUMBERS: ReadonlySet<ColumnType> = new Set(['integer', 'numeric', 'numeric(38,18)', 'float']);

function* previewText({ columns, rows, load }: Preview, paint: Paint): Generator<string> {
  const cells = rows.map((row) =>
    row.map((value) => (value === null ? paint('dim', 'null') : clip(printable(value), WIDEST_CELL))),
  );
  const types = columns.map((column) => paint('dim', column.type));
  const [head = '', ...body] = textTable(
    columns.map(({ name, type }) => ({ title: name, align: NUMBERS.has(type) ? 'right' : 'left' })),
    [types, ...cells],
  );
  yield paint('bold', head);
  yield* body;
  yield '';
  for (const remark of load.remarks) yield `${paint('yellow', 'note:')} ${remark}`;
  const all =
    rows.length === load.rows ? counted(load.rows, 'row') : `${count(rows.length)} of ${counted(load.rows, 'row')}`;
  yield `${all} of ${load.ask.period.key}, as they would land. Nothing was loaded.`;
}
