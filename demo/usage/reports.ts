import type { DataType, GroupBy, Instant } from '../../src/core/words.ts';
import { exact, type Row } from '../../test/engines/usage-api/rows.ts';
import type { UsageEvent } from './events.ts';
import { countBy, grouped, grouping, itemOf, optionalItem, ranks } from './groups.ts';
import type { Workspace } from './workspace.ts';

export interface ReportRequest {
  readonly dataType: DataType;
  readonly groupBy: GroupBy | undefined;
}

/** What is true when an export is made, whatever its period. */
export interface AtExport {
  readonly now: Instant;
  /** Billionths of a US dollar that a user (by index) has spent this month, as billed last night. */
  readonly billed: (user: number) => number;
}

/** The rows of one report over these events, keys in their order; undefined where there is no usage. */
export function reportRows(
  workspace: Workspace,
  { dataType, groupBy }: ReportRequest,
  events: Iterable<UsageEvent>,
  atExport: AtExport,
): Row[] | undefined {
  const rows = REPORTS[dataType](workspace, events, groupBy, atExport);
  return rows.length === 0 ? undefined : rows;
}

type Report = (
  workspace: Workspace,
  events: Iterable<UsageEvent>,
  groupBy: GroupBy | undefined,
  atExport: AtExport,
) => Row[];

const REPORTS: Readonly<Record<DataType, Report>> = { users, agents, 'api-keys': apiKeys, projects, models };

function users(workspace: Workspace, events: Iterable<UsageEvent>, groupBy: GroupBy | undefined, at: AtExport): Row[] {
  const groups = grouped(events, (event) => event.user, grouping(workspace, groupBy));
  const counted = groups.map(({ entity, group, events }) => {
    const toAgents = events.filter((event) => event.agent !== undefined);
    const inProjects = events.filter((event) => event.project !== undefined);
    return {
      entity,
      group,
      events,
      total: events.length,
      chat: events.length - toAgents.length - inProjects.length,
      assistants: toAgents.length,
      projects: inProjects.length,
    };
  });
  const ranked = (of: (row: (typeof counted)[number]) => number) => ranks(counted, (row) => row.group, of);
  const rankTotal = ranked((row) => row.total);
  const rankChat = ranked((row) => row.chat);
  const rankAssistants = ranked((row) => row.assistants);
  const rankProjects = ranked((row) => row.projects);
  return counted.map((row, n) => {
    const user = itemOf(workspace.users, row.entity);
    const byAgent = countBy(row.events, ({ agent }) => optionalItem(workspace.agents, agent)?.id);
    const byProject = countBy(row.events, ({ project }) => optionalItem(workspace.projects, project)?.id);
    const byAction = countBy(row.events, ({ action }) => action);
    return {
      ...modelColumn(row.group, groupBy),
      user_id: user.id,
      name: user.name,
      email: user.email,
      role: user.role,
      department: user.department,
      company_name: 'Acme GmbH & Co. KG',
      license_type: user.license,
      joined_at: user.joined,
      payg_limit_current: user.paygLimit,
      payg_utilization_pct_current: exact(decimal((at.billed(row.entity) * 100) / user.paygLimit)),
      payg_consumption_in_period: dollars(row.events),
      messages_total: row.total,
      messages_chat: row.chat,
      messages_assistants: row.assistants,
      messages_projects: row.projects,
      messages_total_rank: rankTotal[n],
      messages_chat_rank: rankChat[n],
      messages_assistants_rank: rankAssistants[n],
      messages_projects_rank: rankProjects[n],
      assistants_messaged: Object.keys(byAgent).length,
      projects_messaged: Object.keys(byProject).length,
      action_messages: sum(Object.values(byAction)),
      action_messaged: Object.keys(byAction).length,
      assistants_to_messages: byAgent,
      projects_to_messages: byProject,
      model_to_messages_total: countBy(row.events, ({ model }) => itemOf(workspace.models, model).name),
      action_to_messages: byAction,
    };
  });
}

function agents(workspace: Workspace, events: Iterable<UsageEvent>, groupBy: GroupBy | undefined, at: AtExport): Row[] {
  return grouped(events, (event) => event.agent, grouping(workspace, groupBy)).map(({ entity, group, events }) => {
    const agent = itemOf(workspace.agents, entity);
    const isRenamed = agent.renamed !== undefined && at.now >= Date.parse(agent.renamed.on);
    const uniqueUsers = new Set(events.map(({ user }) => user)).size;
    const prompt = sum(events.map(promptTokens));
    const completion = sum(events.map((event) => event.completionTokens));
    return {
      ...modelColumn(group, groupBy),
      assistant_id: agent.id,
      assistant_name: isRenamed ? agent.renamed?.name : agent.name,
      messages: events.length,
      unique_users: uniqueUsers,
      active_users: uniqueUsers,
      conversations: new Set(events.map(({ conversation }) => conversation)).size,
      messages_per_user: events.length / uniqueUsers,
      assistant_description: agent.description,
      assistant_url: `https://acme.odeus.example/agents/${agent.id}`,
      assistant_owner_id: agent.owner.id,
      assistant_owner_email: agent.owner.email,
      sum_prompt_tokens: prompt,
      sum_completion_tokens: completion,
      avg_prompt_tokens: prompt / events.length,
      avg_completion_tokens: completion / events.length,
    };
  });
}

function apiKeys(workspace: Workspace, events: Iterable<UsageEvent>, groupBy: GroupBy | undefined): Row[] {
  return grouped(events, (event) => event.apiKey, grouping(workspace, groupBy)).map(({ entity, group, events }) => {
    const key = itemOf(workspace.apiKeys, entity);
    const tokens = tokenSums(events);
    return {
      ...modelColumn(group, groupBy),
      api_key_id: key.id,
      api_key_name: key.name,
      requests: events.length,
      total_cost_usd: dollars(events),
      sum_prompt_tokens: tokens.prompt,
      sum_completion_tokens: tokens.completion,
      cached_prompt_tokens: tokens.cached,
      cache_creation_tokens: tokens.cacheCreation,
      no_cache_tokens: tokens.plain,
    };
  });
}

function projects(workspace: Workspace, events: Iterable<UsageEvent>): Row[] {
  return grouped(
    events,
    (event) => event.project,
    () => '',
  ).map(({ entity, events }) => {
    const project = itemOf(workspace.projects, entity);
    return {
      project_id: project.id,
      project_name: project.name,
      project_owner_id: project.owner.id,
      project_owner_email: project.owner.email,
      messages: events.length,
    };
  });
}

function models(workspace: Workspace, events: Iterable<UsageEvent>, groupBy: GroupBy | undefined): Row[] {
  return grouped(events, (event) => event.model, grouping(workspace, groupBy)).map(({ entity, group, events }) => {
    const model = itemOf(workspace.models, entity);
    const tokens = tokenSums(events);
    return {
      name: model.name,
      provider: model.provider,
      bring_your_keys: true,
      ...(groupBy === undefined ? {} : { [groupBy]: group }),
      requests: events.length,
      sum_prompt_tokens: tokens.prompt,
      sum_completion_tokens: tokens.completion,
      sum_cached_prompt_tokens: tokens.cached,
      sum_cache_creation_tokens: tokens.cacheCreation,
      no_cache_tokens: tokens.plain,
      total_cost_usd: dollars(events),
    };
  });
}

function modelColumn(group: string, groupBy: GroupBy | undefined): Row {
  return groupBy === 'model' ? { model: group } : {};
}

function promptTokens({ promptTokens: { cached, cacheCreation, plain } }: UsageEvent): number {
  return cached + cacheCreation + plain;
}

function tokenSums(events: readonly UsageEvent[]) {
  return {
    prompt: sum(events.map(promptTokens)),
    completion: sum(events.map((event) => event.completionTokens)),
    cached: sum(events.map((event) => event.promptTokens.cached)),
    cacheCreation: sum(events.map((event) => event.promptTokens.cacheCreation)),
    plain: sum(events.map((event) => event.promptTokens.plain)),
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

function dollars(events: readonly UsageEvent[]) {
  return exact(decimal(sum(events.map(({ cost }) => cost))));
}

/** Billionths as a decimal: 1234500000 → 1.2345 */
function decimal(billionths: number): string {
  const digits = String(Math.round(billionths)).padStart(10, '0');
  return `${digits.slice(0, -9)}.${digits.slice(-9)}`.replace(/\.?0+$/, '');
}
