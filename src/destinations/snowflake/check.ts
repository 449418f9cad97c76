import { randomUUIDv7 } from 'node:crypto';
import { ExportdError } from '../../core/errors.ts';
import { clockFinding, type Finding, finding } from '../../core/finding.ts';
import type { Instant } from '../../core/words.ts';
import { lookUp } from './catalog.ts';
import { kindOf, quotable, SnowflakeFailure, told } from './failure.ts';
import { LEDGER } from './schema.ts';
import type { Session } from './session.ts';
import { millis, quoteName, quoteText } from './sql.ts';

/** See Destination.check: what a run does, done with a table of its own that is dropped again. */
export async function* check(session: Session, clock: () => Instant, signal: AbortSignal): AsyncGenerator<Finding> {
  const { place } = session;
  const ask = async (sql: string) => (await session.run({ sql, purpose: 'check' }, signal)).rows;
  let role = place.role?.toUpperCase() ?? '';
  const step = (what: string, grant: (role: string) => string, work: () => Promise<string | undefined>) =>
    finding(what, async () => {
      try {
        return await work();
      } catch (error) {
        signal.throwIfAborted();
        throw refusal(place.name, what, error, grant(quoteName(role === '' ? 'the role' : role)));
      }
    });
  const database = quoteName(place.database);
  const schema = `${database}.${quoteName(place.schema)}`;
  const warehouse = place.warehouse === undefined ? undefined : quoteName(place.warehouse);

  const reached = await step(
    'log in',
    (to) => `GRANT ROLE ${to} TO USER ${quoteName(place.user ?? 'the user')};`,
    async () => {
      const [row] = await ask('SELECT CURRENT_ROLE(), CURRENT_WAREHOUSE()');
      role = row?.[0] ?? role;
      return `as role ${role}, with warehouse ${row?.[1] ?? 'none'}`;
    },
  );
  yield reached;
  if (!reached.ok) return;
  yield* passwordFinding(session);
  let skew: number | undefined;
  const time = await step(
    'use the warehouse',
    (to) => `GRANT USAGE, OPERATE ON WAREHOUSE ${warehouse ?? 'the warehouse'} TO ROLE ${to};`,
    async () => {
      const before = clock();
      const [row] = await ask(`SELECT ${millis('CURRENT_TIMESTAMP()')} AS now_ms FROM TABLE(GENERATOR(ROWCOUNT => 1))`);
      // Its clock was read somewhere in between.
      skew = (before + clock()) / 2 - Number(row?.[0]);
      return undefined;
    },
  );
  yield time;
  if (!time.ok) return;
  const seen = await step(
    'find the schema',
    (to) => `GRANT USAGE ON DATABASE ${database} TO ROLE ${to}; GRANT USAGE ON SCHEMA ${schema} TO ROLE ${to};`,
    async () => {
      const rows = await ask(
        `SELECT schema_name FROM ${database}.INFORMATION_SCHEMA.SCHEMATA WHERE schema_name = ${quoteText(place.schema.toUpperCase())}`,
      );
      if (rows.length > 0) return undefined;
      throw new SnowflakeFailure(`Schema ${schema} does not exist or is not authorized`, { code: '002003' });
    },
  );
  yield seen;
  if (!seen.ok) return;

  const probe = `_exportd_doctor_${randomUUIDv7().replaceAll('-', '_')}`;
  const table = session.table(probe);
  const create = (what: string) => (to: string) => `GRANT CREATE ${what} ON SCHEMA ${schema} TO ROLE ${to};`;
  const made = await step('make a table', create('TABLE'), async () => {
    await ask(`CREATE TABLE ${table} (probe NUMBER(38,0)) COMMENT = 'Made by exportd doctor, and dropped again'`);
    return undefined;
  });
  yield made;
  if (made.ok) {
    const own = (to: string) => `GRANT OWNERSHIP ON TABLE ${table} TO ROLE ${to};`;
    yield await step('write to it in a transaction, and read', own, async () => {
      await ask(probeBlock(table));
      return undefined;
    });
    yield await step('make a view', create('VIEW'), async () => {
      const view = session.table(`${probe}_view`);
      await ask(`CREATE VIEW ${view} AS SELECT probe FROM ${table}`);
      await ask(`DROP VIEW ${view}`);
      return undefined;
    });
    yield await step('drop it', own, async () => {
      await ask(`DROP TABLE ${table}`);
      return undefined;
    });
  }
  yield await step('make a stage', create('STAGE'), async () => {
    const stage = session.table(`${probe}_stage`);
    await ask(`CREATE STAGE ${stage} ENCRYPTION = (TYPE = 'SNOWFLAKE_SSE')`);
    await ask(`DROP STAGE ${stage}`);
    return undefined;
  });
  const ledger = session.table(LEDGER);
  yield await step(
    'read the ledger',
    (to) => `GRANT SELECT, INSERT ON TABLE ${ledger} TO ROLE ${to};`,
    async () => {
      const there = await lookUp(session, 'check', [LEDGER], signal);
      if (!there.has(LEDGER)) return 'there is none yet: the first run makes it';
      const [row] = await ask(`SELECT COUNT(*) AS n FROM ${ledger}`);
      return `${row?.[0] ?? 0} rows`;
    },
  );
  if (skew !== undefined) yield clockFinding('Snowflake', skew);
}

/** What a commit does. */
function probeBlock(table: string): string {
  return `EXECUTE IMMEDIATE $$
DECLARE
  answer RESULTSET;
BEGIN
  BEGIN TRANSACTION;
  INSERT INTO ${table} (probe) SELECT 1;
  UPDATE ${table} SET probe = 2;
  DELETE FROM ${table} WHERE probe = 2;
  answer := (SELECT COUNT(*) AS n FROM ${table});
  COMMIT;
  RETURN TABLE(answer);
EXCEPTION
  WHEN OTHER THEN
    ROLLBACK;
    RAISE;
END;
$$`;
}

function* passwordFinding({ place }: Session): Generator<Finding> {
  if (place.credentials.by !== 'password') return;
  yield {
    what: 'look at the credentials',
    ok: true,
    detail: 'Snowflake is ending log-ins of services by password: give the user a key pair (docs/snowflake.md)',
  };
}

/** What is missing, and the statement that gives it. */
function refusal(destination: string, what: string, error: unknown, grant: string): unknown {
  const isDenied = error instanceof SnowflakeFailure && ['denied', 'missing'].includes(kindOf(error));
  if (!isDenied) return told(error, { destination, what });
  return new ExportdError('ACCESS_DENIED', `destination ${destination}: ${quotable(error)}`, {
    scope: 'destination',
    hint: `Run, as a role that may: ${grant}`,
  });
}
