import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type {
  ColumnRules,
  ColumnType,
  HashKey,
  Report,
  SchemaPolicy,
  TableColumn,
  TableState,
  WarehouseKind,
} from '../../src/core/words.ts';
import { type Connection, openEngine, quoteName, quoteText } from '../../src/duckdb/engine.ts';
import { JsonRows } from '../../src/sources/export-api/json-rows.ts';
import type { Body, Layout } from '../../src/sources/source.ts';
import { openSpool, type SpoolFile } from '../../src/staging/spool.ts';
import type { Preview, Staged, StagedLoad } from '../../src/staging/staged.ts';
import { openStaging } from '../../src/staging/staging.ts';

/** A body that arrived. One of csv, json, answer, parquet. */
export interface Given {
  readonly csv?: string | Buffer;
  /** A query for its rows, or the bytes of the file. */
  readonly parquet?: string | Buffer;
  /** Rows of a JSON answer. */
  readonly json?: readonly (readonly (readonly [string, string | null])[])[];
  /** A whole JSON answer, as it came. */
  readonly answer?: Buffer;
  /** recordCount; default: none. */
  readonly declared?: number;
  readonly strict?: boolean;
}

export interface Wish {
  readonly report?: Report;
  readonly schema?: SchemaPolicy;
  readonly drop?: readonly string[];
  readonly hash?: readonly string[];
  readonly rename?: Readonly<Record<string, string>>;
  readonly types?: Readonly<Record<string, ColumnType>>;
  readonly hashKey?: HashKey;
  readonly table?: readonly TableColumn[];
  readonly warehouse?: WarehouseKind;
  readonly signal?: AbortSignal;
}

export interface Lab extends AsyncDisposable {
  readonly connection: Connection;
  readonly directory: string;
  /** A query's rows as a Parquet file. */
  parquet(sql: string): Promise<Buffer>;
  stage(given: readonly Given[], wish?: Wish): Promise<Staged>;
  preview(given: Given, limit: number, wish?: Wish): Promise<Preview>;
  /** The rows of one load, as text, in any order. */
  rows(staged: Staged, load: StagedLoad | undefined, columns: readonly string[]): Promise<(string | null)[][]>;
}

const USERS: Report = { dataType: 'users', groupBy: undefined };

/** A real engine, spool and staging in a folder of their own. */
export async function openLab(options: { memoryLimit?: number } = {}): Promise<Lab> {
  const directory = await mkdtemp(join(tmpdir(), 'exportd-staging-'));
  const spool = await openSpool({
    directory,
    limit: 10_000_000_000,
    instance: `test/${randomBytes(4).toString('hex')}`,
  });
  const engine = await openEngine({
    memoryLimit: options.memoryLimit ?? 512_000_000,
    temporaryDirectory: spool.temporaryDirectory,
    threads: 2,
  });
  const connection = await engine.connect();
  const staging = openStaging({ engine: async () => engine, spool });
  const files: SpoolFile[] = [];

  async function bytesOf({ csv, json, answer, parquet }: Given): Promise<{ bytes: Buffer; layout?: Layout }> {
    if (csv !== undefined) return { bytes: Buffer.from(csv) };
    if (answer !== undefined) return fromAnswer(answer);
    if (parquet === undefined) return fromJson(json ?? []);
    return { bytes: typeof parquet === 'string' ? await parquetOf(parquet) : parquet };
  }

  async function parquetOf(sql: string): Promise<Buffer> {
    const path = join(directory, 'written.parquet');
    await connection.run(`COPY (${sql}) TO ${quoteText(path)} (FORMAT parquet)`);
    return readFile(path);
  }

  async function bodyOf(given: Given, index: number, report: Report): Promise<Body> {
    const { bytes, layout } = await bytesOf(given);
    const format = given.parquet === undefined ? 'csv' : 'parquet';
    const file = spool.file('.body');
    files.push(file);
    await writeFile(file.path, bytes);
    const start = Date.UTC(2026, 2, 1 + index);
    return {
      kind: 'body',
      ask: {
        report,
        period: {
          key: `acme/users/${index}`,
          source: 'acme',
          report,
          grid: { grain: 'day', span: 1, timezone: 'Europe/Berlin' },
          date: new Date(start).toISOString().slice(0, 10),
          start: start - 3_600_000,
          end: start + 23 * 3_600_000,
        },
        urgency: 'awaited',
      },
      requestedAt: Date.UTC(2026, 10, 25, 3, 0, 0, 123),
      answeredAt: Date.UTC(2026, 10, 25, 3, 0, 1),
      file,
      format,
      layout,
      bytes: bytes.length,
      digest: createHash('sha256').update(bytes).digest('hex'),
      declaredRows: given.declared,
      strict: given.strict ?? true,
    };
  }

  const specOf = (wish: Wish) => ({
    name: 't',
    warehouse: wish.warehouse ?? ('duckdb' as const),
    report: wish.report ?? USERS,
    grain: 'day' as const,
    span: 1,
    schema: wish.schema ?? ('evolve' as const),
    rules: rulesOf(wish),
    hashKey: wish.hashKey,
    policy: 'p',
    clusterBy: [],
  });

  return {
    connection,
    directory,
    parquet: parquetOf,
    async stage(given, wish = {}) {
      const bodies: Body[] = [];
      for (const [index, each] of given.entries()) bodies.push(await bodyOf(each, index, wish.report ?? USERS));
      return staging.stage(specOf(wish), tableOf(wish), bodies, wish.signal ?? new AbortController().signal);
    },
    async preview(given, limit, wish = {}) {
      const body = await bodyOf(given, 0, wish.report ?? USERS);
      return staging.preview(specOf(wish), body, limit, new AbortController().signal);
    },
    async rows(staged, load, columns) {
      // As bytes: the driver's text decoder takes a byte order mark off the front of a value.
      const texts = columns.map((name) => `hex(encode(CAST(${quoteName(name)} AS VARCHAR)))`).join(', ');
      const rows = await connection.rows<{ texts: (string | null)[] }>(
        `SELECT [${texts}] AS texts FROM read_parquet(${quoteText(staged.file.path)}) WHERE _load_id = $load`,
        { load: load?.loadId ?? '' },
      );
      return rows.map((row) =>
        row.texts.map((hex) => (hex === null ? null : Buffer.from(hex, 'hex').toString('utf8'))),
      );
    },
    async [Symbol.asyncDispose]() {
      await connection[Symbol.asyncDispose]();
      await engine[Symbol.asyncDispose]();
      await spool[Symbol.asyncDispose]();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function fromJson(rows: NonNullable<Given['json']>): { readonly bytes: Buffer; readonly layout: Layout } {
  const objects = rows.map(
    (row) => `{${row.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(',')}}`,
  );
  return fromAnswer(Buffer.from(`{"data":[${objects.join(',')}]}`));
}

/** What the JSON source makes of an answer. */
function fromAnswer(answer: Buffer): { readonly bytes: Buffer; readonly layout: Layout } {
  const splitter = new JsonRows();
  const bytes = Buffer.concat([splitter.push(answer), splitter.end()]);
  return { bytes, layout: splitter.envelope.layout };
}

function rulesOf(wish: Wish): ColumnRules {
  return {
    drop: wish.drop ?? [],
    hash: wish.hash ?? [],
    rename: new Map(Object.entries(wish.rename ?? {})),
    types: new Map(Object.entries(wish.types ?? {})),
  };
}

function tableOf(wish: Wish): TableState {
  return {
    exists: wish.table !== undefined,
    rows: 0,
    ledgerRows: 0,
    holds: undefined,
    columns: wish.table ?? [],
    states: new Map(),
    present: new Map(),
    firstPlanned: new Map(),
    answerMs: new Map(),
    instances: [],
  };
}
