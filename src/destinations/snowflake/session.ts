import type { LedgerEntry } from '../../core/words.ts';
import { type Answer, connect, type Link, type Place } from './connect.ts';
import { kindOf, SnowflakeFailure } from './failure.ts';
import { type Names, STAGE, type TableSettings } from './schema.ts';
import { quoteName } from './sql.ts';

/** What the YAML says of tables and statements. */
export interface Settings extends TableSettings {
  /** Beside what exportd says itself in the tag of every statement. */
  readonly queryTag: string | undefined;
}

/** Milliseconds that one call may take. */
export interface Deadlines {
  readonly connect: number;
  readonly statement: number;
  /** PUT and COPY. */
  readonly load: number;
  readonly commit: number;
}

/** Seconds that a statement waits for another's lock. */
const LOCK_TIMEOUT = 600;
/** Seconds after which Snowflake stops a statement. */
const STATEMENT_TIMEOUT = 1800;

export const DEADLINES: Deadlines = {
  connect: 60_000,
  statement: 120_000,
  load: 15 * 60_000,
  // It may wait for the lock first; Snowflake itself has given up by then.
  commit: (STATEMENT_TIMEOUT + 60) * 1000,
};

/** What a statement is for; part of its tag. */
export type Purpose = 'read' | 'prepare' | 'stage' | 'commit' | 'note' | 'history' | 'sweep' | 'check';

export interface Statement {
  readonly sql: string;
  readonly purpose: Purpose;
  /** Milliseconds; that of a plain statement where nothing is said. */
  readonly deadline?: number;
  /** Whose it is. */
  readonly entry?: Pick<LedgerEntry, 'job' | 'runId'> | undefined;
  /** True: it must not be sent again where nobody knows whether it was carried out. */
  readonly once?: boolean;
  /** True: it may run beside another of the session, having no part in a transaction. */
  readonly beside?: boolean;
}

/** One session at a time: made when it is first needed, and anew where it was lost. Its statements take turns. */
export interface Session extends Names {
  readonly place: Place;
  readonly settings: Settings;
  readonly deadlines: Deadlines;
  run(statement: Statement, signal?: AbortSignal): Promise<Answer>;
  /** How a query of any session stands. */
  status(queryId: string): Promise<string>;
  /** The next statement is another session's: an old one need not see what others committed. */
  renew(): void;
}

export interface SessionOptions {
  readonly place: Place;
  readonly settings: Settings;
  /** `exportd/0.1.0` */
  readonly application: string;
  readonly deadlines?: Deadlines;
}

/** One session, and how many statements it has in hand. */
interface Held {
  readonly link: Promise<Link>;
  underWay: number;
  isOver: boolean;
}

export function openSession({ place, settings, application, deadlines = DEADLINES }: SessionOptions): Session {
  let current: Held | undefined;
  let last: Promise<unknown> = Promise.resolve();
  const within = [place.database, place.schema].map(quoteName).join('.');

  function giveUp(held: Held): void {
    held.isOver = true;
    if (current === held) current = undefined;
  }

  /** Ends with the last of its statements: another table's block may still be on its way. */
  function endIfIdle({ link, underWay, isOver }: Held): void {
    if (!isOver || underWay > 0) return;
    link.then(
      (old) => old.close(),
      () => undefined,
    );
  }

  function renew(): void {
    const old = current;
    if (old === undefined) return;
    giveUp(old);
    endIfIdle(old);
  }

  async function inSession<T>(signal: AbortSignal | undefined, work: (link: Link) => Promise<T>): Promise<T> {
    current ??= { link: begin(signal), underWay: 0, isOver: false };
    const held = current;
    held.underWay += 1;
    let isOpen = false;
    try {
      const link = await held.link;
      isOpen = true;
      return await work(link);
    } catch (error) {
      const isLost = error instanceof SnowflakeFailure && ['session', 'lost'].includes(kindOf(error));
      if (!isOpen || isLost) giveUp(held);
      throw error;
    } finally {
      held.underWay -= 1;
      endIfIdle(held);
    }
  }

  async function begin(signal: AbortSignal | undefined): Promise<Link> {
    const link = await connect(place, { application, deadline: deadlines.connect, signal });
    try {
      await link.execute(SESSION_SQL, { deadline: deadlines.statement, tag: tagOf({ purpose: 'read' }), signal });
      return link;
    } catch (error) {
      link.close();
      throw error;
    }
  }

  function tagOf({ purpose, entry }: Pick<Statement, 'purpose' | 'entry'>): string {
    const { queryTag: tag } = settings;
    return JSON.stringify({ app: 'exportd', purpose, job: entry?.job, run: entry?.runId, tag }).slice(0, 2_000);
  }

  async function attempt(statement: Statement, signal: AbortSignal | undefined): Promise<Answer> {
    const { sql, deadline = deadlines.statement } = statement;
    return await inSession(signal, (link) => link.execute(sql, { deadline, tag: tagOf(statement), signal }));
  }

  async function insist(statement: Statement, signal: AbortSignal | undefined): Promise<Answer> {
    try {
      return await attempt(statement, signal);
    } catch (error) {
      const isAgain = error instanceof SnowflakeFailure && kindOf(error) === 'session' && statement.once !== true;
      if (!isAgain) throw error;
      return await attempt(statement, signal);
    }
  }

  return {
    place,
    settings,
    deadlines,
    renew,
    table: (name) => `${within}.${quoteName(name)}`,
    staged: (path) => `@${within}.${quoteName(STAGE)}/${path}`,
    async run(statement, signal) {
      signal?.throwIfAborted();
      if (statement.beside === true) return await insist(statement, signal);
      const before = last;
      const { promise, resolve } = Promise.withResolvers<void>();
      last = promise;
      try {
        await orAborted(before, signal);
        return await insist(statement, signal);
      } finally {
        void before.then(() => resolve());
      }
    },
    async status(queryId) {
      return await inSession(undefined, (link) => link.status(queryId, deadlines.statement));
    },
  };
}

/** A wait that is over when the signal says so. `before` never fails. */
async function orAborted(before: Promise<unknown>, signal: AbortSignal | undefined): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>();
  const stop = () => reject(signal?.reason);
  signal?.addEventListener('abort', stop, { once: true });
  try {
    await Promise.race([before, promise]);
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}

const SESSION_SQL = `ALTER SESSION SET TIMEZONE = 'UTC' LOCK_TIMEOUT = ${LOCK_TIMEOUT} STATEMENT_TIMEOUT_IN_SECONDS = ${STATEMENT_TIMEOUT} TRANSACTION_ABORT_ON_ERROR = TRUE`;
