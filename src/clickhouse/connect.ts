import { randomUUID } from 'node:crypto';
import type { Secret } from '../core/secret.ts';
import { discard, readText } from '../http/body.ts';
import { openTransport, type Response } from '../http/transport.ts';
import type { StoreClient, StoreParameters } from '../usage-store/client.ts';
import { exceptionNumber, serverFailure } from './failure.ts';

export interface ClickHouseOptions {
  /** Of the server's HTTP interface; may carry a path. */
  readonly url: string;
  readonly username: string;
  /** At most one of the two. */
  readonly password: Secret | undefined;
  readonly jwt: Secret | undefined;
  readonly database: string;
  /** Sent with every query; a user with `readonly = 1` may send none. */
  readonly settings: Readonly<Record<string, string>>;
  /** Milliseconds from a query to its answer's headers, which come when its last row is made. */
  readonly timeout: number;
}

interface Sent {
  readonly response: Response;
  readonly url: URL;
}

/** What a query answered with: its body is all there, on the server, when the headers come. */
export interface Answer extends Sent {
  /** How many rows the server made; undefined where it does not say. */
  readonly rows: number | undefined;
}

/** What a query answers with while it still runs: its body may end in an exception, as text after the rows. */
export type LiveAnswer = Sent;

/** ClickHouse's HTTP interface. Opens no connection before the first call. */
export interface ClickHouse extends StoreClient, AsyncDisposable {
  /**
   * Runs a query to its end and returns the answer, whose body must be read or discarded. Throws what `serverFailure`
   * makes of a refusal, SOURCE_UNREACHABLE, SOURCE_TIMEOUT or TLS_REFUSED. Aborted, or without an answer: the query is
   * killed, as far as the user may.
   */
  query(sql: string, parameters: StoreParameters, signal: AbortSignal): Promise<Answer>;
  /**
   * Runs a query whose rows are sent as they are made, so that the first come early and nobody holds them all. The reader
   * must tell whole rows from the text of an exception. Throws as `query` does for what fails before the first row. A body
   * that is not read to its end kills the query. `settings` are for a user who may send some.
   */
  stream(
    sql: string,
    parameters: StoreParameters,
    signal: AbortSignal,
    settings?: Readonly<Record<string, string>>,
  ): Promise<LiveAnswer>;
}

/** Bytes of an error, and of an answer to one of the store's own small questions. */
const LONGEST_TEXT = 1 << 20;
/** Milliseconds that killing a query may take. */
const KILL_TIMEOUT = 5_000;

export function openClickHouse(options: ClickHouseOptions): ClickHouse {
  const transport = openTransport({ timeout: options.timeout, stops: 'source' });
  const authorization = authorizationOf(options);
  const kills = new Set<Promise<void>>();

  async function send(sql: string, search: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Sent> {
    const url = new URL(options.url);
    url.search = new URLSearchParams({ database: options.database, ...search }).toString();
    const headers = { authorization, 'content-type': 'text/plain; charset=utf-8', 'user-agent': 'exportd' };
    return { response: await transport.send({ method: 'POST', url, headers, body: sql }, signal), url };
  }

  async function query(sql: string, parameters: StoreParameters, signal: AbortSignal): Promise<Answer> {
    // The server keeps the answer back until it is whole: a query that fails half-way is an error from its first byte.
    const sent = await ask(sql, { ...bound(parameters), wait_end_of_query: '1', query_id: newId() }, signal);
    return { ...sent, rows: resultRows(sent.response) };
  }

  async function stream(
    sql: string,
    parameters: StoreParameters,
    signal: AbortSignal,
    settings: Readonly<Record<string, string>> = {},
  ): Promise<LiveAnswer> {
    const id = newId();
    const sent = await ask(sql, { ...settings, ...bound(parameters), query_id: id }, signal);
    const { body } = sent.response;
    body.once('close', () => {
      if (!body.readableEnded) kill(id);
    });
    return sent;
  }

  async function ask(sql: string, own: Readonly<Record<string, string>> & { query_id: string }, signal: AbortSignal) {
    const id = own.query_id;
    const { response, url } = await send(sql, { ...options.settings, ...own }, signal).catch((error: unknown) => {
      kill(id);
      throw error;
    });
    const code = one(response, 'x-clickhouse-exception-code');
    if (response.statusCode === 200 && code === undefined) return { response, url };
    const text = await readText(response, url, LONGEST_TEXT).catch(() => '');
    const number = exceptionNumber(code, text);
    // A gateway that lost its patience says nothing of the query.
    if (number === undefined) kill(id);
    throw serverFailure({ status: response.statusCode, number, text, database: options.database }, url);
  }

  /**
   * A query that was given up runs on for as long as it has nothing to send, also beside the one that asks again. Nobody
   * waits for its end, and where the user may not kill, the server's limits or its notice of the closed connection end it.
   */
  function kill(id: string): void {
    const statement = 'KILL QUERY WHERE query_id = {id:String} ASYNC';
    const killed = send(statement, { ...bound({ id }), wait_end_of_query: '1' }, AbortSignal.timeout(KILL_TIMEOUT))
      .then(({ response }) => discard(response))
      .catch(() => undefined)
      .finally(() => kills.delete(killed));
    kills.add(killed);
  }

  async function answerText(sql: string, parameters: StoreParameters = {}, signal = NEVER): Promise<string> {
    const { response, url } = await query(sql, parameters, signal);
    return await readText(response, url, LONGEST_TEXT);
  }

  return {
    query,
    stream,
    async command(sql, parameters) {
      await answerText(sql, parameters);
    },
    async rows<T>(sql: string, parameters?: StoreParameters, signal?: AbortSignal) {
      const text = await answerText(`${sql}\nFORMAT JSONEachRow`, parameters, signal);
      return text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as T]));
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(kills);
      await transport[Symbol.asyncDispose]();
    },
  };
}

const NEVER = new AbortController().signal;

function newId(): string {
  return `exportd-${randomUUID()}`;
}

function authorizationOf({ username, password, jwt }: ClickHouseOptions): string {
  if (jwt !== undefined) return `Bearer ${jwt.reveal()}`;
  return `Basic ${Buffer.from(`${username}:${password?.reveal() ?? ''}`).toString('base64')}`;
}

/** Parameters as the server reads them: in its own escaped form. */
function bound(parameters: StoreParameters): Record<string, string> {
  return Object.fromEntries(Object.entries(parameters).map(([name, value]) => [`param_${name}`, escaped(`${value}`)]));
}

function escaped(text: string): string {
  const escapes: Readonly<Record<string, string>> = {
    '\\': '\\\\',
    '\t': '\\t',
    '\n': '\\n',
    '\r': '\\r',
    '\0': '\\0',
  };
  return text.replace(/[\\\t\n\r\0]/g, (character) => escapes[character] ?? character);
}

/** `result_rows` of the summary, which is complete since the answer was kept back until the query's end. */
function resultRows(response: Response): number | undefined {
  const summary = one(response, 'x-clickhouse-summary');
  const rows = /"result_rows":"(\d+)"/.exec(summary ?? '')?.[1];
  return rows === undefined ? undefined : Number(rows);
}

function one({ headers }: Response, name: string): string | undefined {
  return [headers[name]].flat()[0];
}
