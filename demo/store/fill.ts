import { readFileSync } from 'node:fs';
import { addDays } from '../../src/core/dates.ts';
import type { Instant, LocalDate } from '../../src/core/words.ts';
import type { StoreClient, StoreParameters } from '../../src/usage-store/client.ts';
import { createWorkspace, FOR_EVER, type Workspace } from './workspace.ts';

export interface FillOptions {
  /** The workspace, as `org_id`. */
  readonly org: string;
  /** The same seed gives the same usage, on every machine. */
  readonly seed: number;
  /** Last UTC date with usage. */
  readonly last: LocalDate;
  /** UTC dates with usage. */
  readonly days: number;
  readonly users: number;
  /** What has arrived by then is there. */
  readonly now: Instant;
  readonly outage?: Outage | undefined;
}

/** Phones that had no network: what was said on them in [from, to) arrives when it is over. */
export interface Outage {
  readonly from: Instant;
  readonly to: Instant;
  readonly over: Instant;
}

/** A workspace whose usage goes on arriving. */
export interface Filled {
  readonly events: number;
  /** Brings what has arrived since; returns how many events that were. */
  arrive(now: Instant): Promise<number>;
}

const NEVER: Outage = { from: 0, to: 0, over: 0 };

/** Writes made-up usage of one workspace into a store that has its tables: the server itself makes the events. */
export async function fill(client: StoreClient, options: FillOptions): Promise<Filled> {
  const { org, seed, last, days, users } = options;
  const first = addDays(last, 1 - days);
  const workspace = createWorkspace(seed, first, last, users);
  await insertPeople(client, workspace, first);
  const parameters = { org, seed, first, days, ...traits(workspace, first), ...outageTimes(options.outage ?? NEVER) };
  let arrived = 0;
  const arrive = async (now: Instant): Promise<number> => {
    const before = await countEvents(client, org);
    const window = { arrived_after: clockText(arrived), arrived_by: clockText(now) };
    for (const file of ['./people.sql', './programs.sql']) {
      await client.command(readFileSync(new URL(file, import.meta.url), 'utf8'), { ...parameters, ...window });
    }
    arrived = now;
    return (await countEvents(client, org)) - before;
  };
  const events = await arrive(options.now);
  await insertDimensions(client, org, workspace, first);
  await bill(client, org, options.now);
  return { events, arrive };
}

/** What only the generator needs to know of a person; gone when the server is. */
async function insertPeople(client: StoreClient, workspace: Workspace, first: LocalDate): Promise<void> {
  await client.command(
    `CREATE OR REPLACE TABLE synthetic_people (user_id String, pace Float64, joined_n Int32, left_n Int32) ENGINE = Memory`,
  );
  const rows = workspace.users.map(({ id, pace, joined, left }) => ({
    user_id: id,
    pace,
    joined_n: dayNumber(first, joined),
    left_n: dayNumber(first, left ?? FOR_EVER),
  }));
  await insert(client, 'synthetic_people', rows);
}

async function insertDimensions(
  client: StoreClient,
  org: string,
  workspace: Workspace,
  first: LocalDate,
): Promise<void> {
  const { users, agents, projects, apiKeys, models } = workspace;
  const rows = <T>(all: readonly T[], row: (one: T) => object) =>
    all.map((one) => ({ org_id: org, changed_at: `${first} 00:00:00`, ...row(one) }));
  await insert(
    client,
    'workspaces',
    rows(['Acme GmbH & Co. KG'], (name) => ({ name, byok: true })),
  );
  await insert(
    client,
    'users',
    rows(users, (user) => ({
      user_id: user.id,
      name: user.name,
      email: user.email,
      role: user.role,
      department: user.department,
      company_name: 'Acme GmbH & Co. KG',
      license_type: user.license,
      joined_at: user.joined,
      left_at: user.left ?? null,
      payg_limit: user.paygLimit,
    })),
  );
  const agent = ({ id, name, description, owner }: Workspace['agents'][number]) => ({
    assistant_id: id,
    name,
    description,
    url: `https://acme.odeus.example/agents/${id}`,
    owner_id: owner.id,
  });
  await insert(client, 'assistants', rows(agents, agent));
  const renamed = agents.flatMap((one) => (one.renamed === undefined ? [] : [{ ...one, ...one.renamed }]));
  await insert(
    client,
    'assistants',
    rows(renamed, (one) => ({ ...agent(one), changed_at: `${one.on} 09:00:00` })),
  );
  await insert(
    client,
    'projects',
    rows(projects, ({ id, name, owner }) => ({ project_id: id, name, owner_id: owner.id })),
  );
  await insert(
    client,
    'api_keys',
    rows(apiKeys, ({ id, name }) => ({ api_key_id: id, name })),
  );
  await insert(
    client,
    'models',
    rows(models, ({ name, provider }) => ({ model_id: name, name, provider })),
  );
}

/** Bills are made at night, of what had arrived by then: until the next one, utilisation stands still. */
async function bill(client: StoreClient, org: string, now: Instant): Promise<void> {
  const night = `${new Date(now).toISOString().slice(0, 10)} 00:00:00`;
  await client.command(
    `INSERT INTO users SELECT users.* REPLACE (
       CAST(coalesce(spent.usd, 0) * 100 / toFloat64(payg_limit), 'Nullable(Decimal(38, 9))') AS payg_utilization_pct,
       toDateTime64({night:String}, 6, 'UTC') AS changed_at)
     FROM users LEFT JOIN (
       SELECT user_id, toFloat64(sum(cost_usd)) AS usd FROM usage_events
       WHERE org_id = {org:String} AND ts >= toStartOfMonth(toDateTime({night:String}, 'UTC')) AND received_at < {night:String}
       GROUP BY user_id
     ) AS spent ON spent.user_id = users.user_id
     WHERE org_id = {org:String}`,
    { org, night },
  );
}

/** A workspace's models, agents, projects and keys as the generator's statements take them. */
function traits({ models, agents, projects, apiKeys }: Workspace, first: LocalDate): StoreParameters {
  const day = (date: LocalDate) => dayNumber(first, date);
  const texts = (all: readonly string[]) => `[${all.map((text) => `'${text}'`).join(',')}]`;
  const numbers = (all: readonly number[]) => `[${all.join(',')}]`;
  return {
    model_ids: texts(models.map(({ name }) => name)),
    model_weights: numbers(models.map(({ weight }) => Math.round(weight * 10))),
    model_since: numbers(models.map(({ since }) => day(since))),
    model_until: numbers(models.map(({ until }) => day(until))),
    prompt_price: numbers(models.map(({ price }) => price.prompt)),
    cached_price: numbers(models.map(({ price }) => price.cached)),
    completion_price: numbers(models.map(({ price }) => price.completion)),
    agent_ids: texts(agents.map(({ id }) => id)),
    agent_weights: numbers(agents.map(({ weight }) => Math.round(weight * 100))),
    agent_since: numbers(agents.map(({ since }) => day(since))),
    project_ids: texts(projects.map(({ id }) => id)),
    project_since: numbers(projects.map(({ since }) => day(since))),
    project_until: numbers(projects.map(({ until }) => day(until))),
    key_ids: texts(apiKeys.map(({ id }) => id)),
    key_paces: numbers(apiKeys.map(({ pace }) => pace)),
    key_hours: numbers(apiKeys.map(({ hour }) => hour ?? -1)),
    key_since: numbers(apiKeys.map(({ since }) => day(since))),
    key_until: numbers(apiKeys.map(({ until }) => day(until))),
  };
}

function outageTimes({ from, to, over }: Outage): StoreParameters {
  return { outage_from: clockText(from), outage_to: clockText(to), outage_over: clockText(over) };
}

async function insert(client: StoreClient, table: string, rows: readonly object[]): Promise<void> {
  if (rows.length === 0) return;
  const lines = rows.map((row) => JSON.stringify(row)).join('\n');
  await client.command(`INSERT INTO ${table} FORMAT JSONEachRow\n${lines}`);
}

async function countEvents(client: StoreClient, org: string): Promise<number> {
  const [row] = await client.rows<{ n: string }>(
    `SELECT toString(count()) AS n FROM usage_events WHERE org_id = {org:String}`,
    { org },
  );
  return Number(row?.n ?? 0);
}

/** Days from the first one on; what is before it or for ever stays so. */
function dayNumber(first: LocalDate, date: LocalDate): number {
  return Math.min(100_000, Math.round((Date.parse(date) - Date.parse(first)) / 86_400_000));
}

function clockText(at: Instant): string {
  return new Date(at).toISOString().replace('T', ' ').replace('Z', '');
}
