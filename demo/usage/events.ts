import { offsetAt } from '../../src/core/local-time.ts';
import type { Instant, LocalDate } from '../../src/core/words.ts';
import { Random } from './random.ts';
import { ACTIONS, type ApiKey, type Model, type User, type Workspace } from './workspace.ts';

export type Origin = 'WEB' | 'MOBILE' | 'SLACK' | 'TEAMS' | 'API';

/** One request to a model: a person's message, or a program's call with an API key. */
export interface UsageEvent {
  readonly at: Instant;
  /** When the store came to know of it: later than `at`, by days where a phone was offline. */
  readonly arrivesAt: Instant;
  /** Index in the workspace's users; undefined for an API key's request. */
  readonly user: number | undefined;
  readonly apiKey: number | undefined;
  readonly model: number;
  readonly deployment: number;
  readonly agent: number | undefined;
  readonly project: number | undefined;
  readonly origin: Origin;
  readonly action: (typeof ACTIONS)[number] | undefined;
  /** Unique in the workspace. */
  readonly conversation: number;
  readonly promptTokens: { readonly cached: number; readonly cacheCreation: number; readonly plain: number };
  readonly completionTokens: number;
  /** Billionths of a US dollar; whole, so that sums are exact. */
  readonly cost: number;
}

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** Where the workspace's people work. */
export const HOME = 'Europe/Berlin';

/** How much of a working day's usage each weekday sees, Sunday first. */
const WEEKDAYS = [0.14, 1, 1.1, 1.12, 1.05, 0.8, 0.18];
/** How much each local hour sees. */
const HOURS = [0, 0, 0, 0, 0, 0, 1, 3, 8, 11, 12, 10, 5, 8, 11, 10, 8, 5, 3, 2, 2, 1.5, 0.8, 0].map((weight, hour) => ({
  hour,
  weight,
}));
/** Weights on working days and on weekends, when people have their phones at hand. */
const ORIGINS: readonly { readonly origin: Origin; readonly work: number; readonly weekend: number }[] = [
  { origin: 'WEB', work: 66, weekend: 45 },
  { origin: 'MOBILE', work: 18, weekend: 50 },
  { origin: 'SLACK', work: 10, weekend: 4 },
  { origin: 'TEAMS', work: 6, weekend: 1 },
];

/** The usage of one UTC day, oldest first; a function of the seed and the day alone. */
export function eventsOfDay(seed: number, workspace: Workspace, day: LocalDate, first: LocalDate): UsageEvent[] {
  const random = new Random(seed, day);
  const start = Date.parse(day);
  const events = [
    ...peoplesEvents(random, workspace, day, start, growth(first, start)),
    ...programsEvents(random, workspace, day, start),
  ];
  return events.sort((a, b) => a.at - b.at);
}

/** People come to use it more: from 0.6 to 1.2 over a year. */
function growth(first: LocalDate, at: Instant): number {
  return 0.6 + (0.6 * (at - Date.parse(first))) / (365 * DAY);
}

function* peoplesEvents(
  random: Random,
  workspace: Workspace,
  day: LocalDate,
  start: Instant,
  growth: number,
): Generator<UsageEvent> {
  const weekday = WEEKDAYS[new Date(start).getUTCDay()] ?? 1;
  const offset = offsetAt(start + 12 * HOUR, HOME);
  let conversation = (start / DAY) * 10_000;
  for (const [index, user] of workspace.users.entries()) {
    if (!isThere(user, day) || !random.chance(0.72 * Math.min(1, weekday))) continue;
    let left = 1 + random.count(user.pace * weekday * growth);
    while (left > 0) {
      conversation += 1;
      const length = Math.min(left, random.between(1, 7));
      left -= length;
      yield* conversationEvents(random, workspace, { user: index, day, start, offset, conversation, length });
    }
  }
}

function isThere(user: User, day: LocalDate): boolean {
  return user.joined <= day && (user.left === undefined || day < user.left);
}

function* conversationEvents(
  random: Random,
  workspace: Workspace,
  talk: {
    readonly user: number;
    readonly day: LocalDate;
    readonly start: Instant;
    readonly offset: number;
    readonly conversation: number;
    readonly length: number;
  },
): Generator<UsageEvent> {
  const { hour } = random.pick(HOURS, ({ weight }) => weight);
  const isWeekend = (WEEKDAYS[new Date(talk.start).getUTCDay()] ?? 1) < 0.5;
  const { origin } = random.pick(ORIGINS, ({ work, weekend }) => (isWeekend ? weekend : work));
  const model = pickModel(random, workspace, talk.day);
  const kind = random.next();
  const agent =
    kind < 0.3 ? indexOf(random, workspace.agents, (item) => (item.since <= talk.day ? item.weight : 0)) : undefined;
  const project =
    kind > 0.85
      ? indexOf(random, workspace.projects, ({ since, until }) => (since <= talk.day && talk.day < until ? 1 : 0))
      : undefined;
  let at = talk.start + hour * HOUR - talk.offset + random.between(0, 3_000) * 1_000;
  // A phone out of reach sends what was said on it within a day and a half.
  const isOffline = origin === 'MOBILE' && random.chance(0.15);
  const delay = isOffline ? random.between(5, 2_160) * 60_000 : random.between(200, 3_000);
  let context = random.between(200, 3_000);
  for (let n = 0; n < talk.length; n += 1) {
    const cached = n === 0 ? 0 : Math.floor(context * 0.8);
    const plain = random.between(20, 400) + context - cached;
    const completionTokens = 20 + random.count(350);
    const action = random.chance(0.12) ? random.pick(ACTIONS, () => 1) : undefined;
    yield event(workspace, {
      at,
      arrivesAt: at + delay,
      user: talk.user,
      apiKey: undefined,
      model,
      deployment: random.between(0, 1),
      agent,
      project,
      origin,
      action,
      conversation: talk.conversation,
      completionTokens,
      promptTokens: { cached, cacheCreation: n === 0 ? Math.floor(context / 2) : 0, plain },
    });
    context += plain + completionTokens;
    at += random.between(8_000, 90_000);
  }
}

function* programsEvents(random: Random, workspace: Workspace, day: LocalDate, start: Instant): Generator<UsageEvent> {
  let conversation = (start / DAY) * 10_000 + 9_999;
  for (const [index, key] of workspace.apiKeys.entries()) {
    if (day < key.since || key.until <= day) continue;
    const requests = random.between(Math.ceil(key.pace * 0.7), Math.ceil(key.pace * 1.3));
    const model = pickModel(random, workspace, day);
    for (let n = 0; n < requests; n += 1) {
      conversation -= 1;
      const at = start + timeOf(random, key);
      yield event(workspace, {
        at,
        arrivesAt: at + random.between(200, 3_000),
        user: undefined,
        apiKey: index,
        model,
        deployment: 0,
        agent: undefined,
        project: undefined,
        origin: 'API',
        action: undefined,
        conversation,
        promptTokens: { cached: 900, cacheCreation: 0, plain: random.between(50, 2_500) },
        completionTokens: random.between(5, 600),
      });
    }
  }
}

/** Milliseconds of the UTC day. */
function timeOf(random: Random, key: ApiKey): number {
  return key.hour === undefined ? random.between(0, DAY - 1) : key.hour * HOUR + random.between(0, 20 * 60_000);
}

function pickModel(random: Random, workspace: Workspace, day: LocalDate): number {
  return indexOf(random, workspace.models, ({ since, until, weight }) => (since <= day && day < until ? weight : 0));
}

function indexOf<T>(random: Random, items: readonly T[], weight: (item: T) => number): number {
  return items.indexOf(random.pick(items, weight));
}

function event(workspace: Workspace, facts: Omit<UsageEvent, 'cost'>): UsageEvent {
  return { ...facts, cost: costOf(workspace.models[facts.model], facts) };
}

function costOf(model: Model | undefined, { promptTokens, completionTokens }: Omit<UsageEvent, 'cost'>): number {
  if (model === undefined) throw new RangeError('An event names a model that the workspace has not.');
  const { cached, cacheCreation, plain } = promptTokens;
  const { price } = model;
  return cached * price.cached + (cacheCreation + plain) * price.prompt + completionTokens * price.completion;
}
