import { addDays } from '../../src/core/dates.ts';
import type { LocalDate } from '../../src/core/words.ts';
import { Random } from './random.ts';

/** Who and what there is in the demo's workspace; all of it made up, and difficult where real names are. */
export interface Workspace {
  readonly users: readonly User[];
  readonly agents: readonly Agent[];
  readonly projects: readonly Project[];
  readonly apiKeys: readonly ApiKey[];
  readonly models: readonly Model[];
}

export interface User {
  readonly id: string;
  readonly name: string;
  readonly email: string;
  readonly role: 'member' | 'editor' | 'admin';
  readonly department: string | null;
  readonly license: 'standard' | 'premium';
  readonly joined: LocalDate;
  /** First date on which the user is gone. */
  readonly left: LocalDate | undefined;
  /** Messages on a working day when the user is there, in the mean. */
  readonly pace: number;
  readonly paygLimit: number;
}

export interface Agent {
  readonly id: string;
  readonly name: string;
  /** The name from `renamed.on` on: exports made after that date show it for every period. */
  readonly renamed: { readonly on: LocalDate; readonly name: string } | undefined;
  readonly description: string | null;
  readonly owner: User;
  readonly since: LocalDate;
  readonly weight: number;
}

export interface Project {
  readonly id: string;
  readonly name: string;
  readonly owner: User;
  readonly since: LocalDate;
  readonly until: LocalDate;
}

export interface ApiKey {
  readonly id: string;
  readonly name: string;
  readonly since: LocalDate;
  readonly until: LocalDate;
  /** Requests a day, in the mean. */
  readonly pace: number;
  /** UTC hour of its nightly batch; undefined = around the clock. */
  readonly hour: number | undefined;
}

export interface Model {
  readonly name: string;
  readonly provider: string;
  readonly deployments: readonly string[];
  readonly since: LocalDate;
  readonly until: LocalDate;
  readonly weight: number;
  /** Billionths of a US dollar a token. */
  readonly price: { readonly prompt: number; readonly cached: number; readonly completion: number };
}

const FIRST = (
  'Ada Amara Björn Chiara Dmitri Elif Fatima Grace Hiroshi Ingrid Jamal Katarzyna Liam Lucía Łukasz Maja Mateo Mei Nia ' +
  'Noah Oleksandra Olu Priya Quentin Rania Saoirse Søren Tomáš Uma Viktor Wiebke Ximena Yusuf Zoë'
).split(' ');
const LAST = (
  'Abebe Andersen Bauer Castellanos Dąbrowski Eriksson Fischer García Haddad Ivanova Jansen Kowalska Lefèvre Müller Nakamura ' +
  'Nguyen Okafor Öztürk Patel Quispe Rossi Schröder Sørensen Tanaka Ünal Vogel Weiß Yılmaz Zhou'
).split(' ');
/** Names that break parsers. */
const DIFFICULT = [
  `Zoë "Zed" O'Neill`,
  'Weiß, Dr. Jürgen',
  '李小龍',
  'Renée  Double-Space',
  'Null',
  `Robert'); DROP TABLE users;--`,
  'Sam 👩🏽‍💻 Rivera',
  'José\nMaría',
];
const DEPARTMENTS = ['Engineering', 'Sales', 'Support', 'Finance', 'People & Culture', 'Legal, Risk', 'Marketing'];
export const FOR_EVER = '9999-12-31';

/** The workspace of this seed; `first` and `last` are the dates of its first and last usage. */
export function createWorkspace(seed: number, first: LocalDate, last: LocalDate, userCount: number): Workspace {
  const random = new Random(seed, 'workspace');
  const days = (Date.parse(last) - Date.parse(first)) / 86_400_000;
  const share = (of: number) => addDays(first, Math.round(days * of));
  const users = Array.from({ length: userCount }, (_, n) => createUser(random, n, share));
  const owner = () => random.pick(users.slice(0, 40), () => 1);

  const agents = AGENTS.map(([name, description], n): Agent => {
    const renamed = n === 2 ? { on: share(0.5), name: 'Contract Reviewer' } : undefined;
    const since = n % 4 === 3 ? share(random.next() * 0.7) : first;
    return { id: id('agent', random), name, renamed, description, owner: owner(), since, weight: 1 / (n + 1) };
  });
  const projects = PROJECTS.map((name, n): Project => {
    const since = share(n / PROJECTS.length - 0.15);
    const until = n % 3 === 0 ? FOR_EVER : share(n / PROJECTS.length + 0.45);
    return { id: id('proj', random), name, owner: owner(), since, until };
  });
  const apiKeys = API_KEYS.map(([name, pace, hour, from, to]): ApiKey => {
    const until = to === undefined ? FOR_EVER : share(to);
    return { id: id('key', random), name, since: share(from), until, pace, hour };
  });
  const models = MODELS.map(([name, provider, weight, [prompt, cached, completion], from, to]): Model => {
    const until = to === undefined ? FOR_EVER : share(to);
    const deployments = [`${name}-eu-west`, `${name}-eu-north`];
    return { name, provider, deployments, since: share(from), until, weight, price: { prompt, cached, completion } };
  });
  return { users, agents, projects, apiKeys, models };
}

function createUser(random: Random, n: number, share: (of: number) => LocalDate): User {
  const name =
    DIFFICULT[n - 20] ?? `${random.pick(FIRST, () => 1)} ${random.pick(LAST, (last) => 1 + (last.length % 3))}`;
  const joinedAt = n < 50 ? -random.next() * 1.5 : random.next() * 0.9;
  const leaves = n % 13 === 7;
  return {
    id: id('user', random),
    name,
    email: `${asciiOf(name) || 'user'}.${n}@example.com`,
    role: n < 3 ? 'admin' : random.chance(0.25) ? 'editor' : 'member',
    department: random.chance(0.06) ? null : random.pick(DEPARTMENTS, (of) => of.length),
    license: random.chance(0.3) ? 'premium' : 'standard',
    joined: share(joinedAt),
    left: leaves ? share(Math.max(0, joinedAt) + 0.3 + random.next() * 0.4) : undefined,
    pace: 2 + random.count(9),
    paygLimit: random.pick([10, 25, 50, 200], (limit) => 1 / limit),
  };
}

/** `Łukasz Müller` → `lukasz.muller`; '' where nothing is left. */
function asciiOf(name: string): string {
  return name
    .normalize('NFD')
    .replaceAll(/\p{M}/gu, '')
    .toLowerCase()
    .replaceAll(/[łøıß]/g, (letter) => UNDECOMPOSED[letter] ?? '')
    .replaceAll(/[^a-z]+/g, ' ')
    .trim()
    .replaceAll(' ', '.');
}

const UNDECOMPOSED: Readonly<Record<string, string>> = { ł: 'l', ø: 'o', ı: 'i', ß: 'ss' };

function id(kind: string, random: Random): string {
  const hex = Array.from({ length: 3 }, () => random.between(0, 0xffff).toString(16).padStart(4, '0')).join('');
  return `${kind}_${hex}`;
}

const AGENTS: readonly (readonly [name: string, description: string | null])[] = [
  ['Sales Copilot', 'Drafts offers, follow-ups and call notes.'],
  ['Support Triage', 'Sorts tickets by "urgency", language, product'],
  ['Contract Q&A', 'Answers questions on contracts.\nNever legal advice.'],
  ['Brand Voice 🎨', null],
  ['SQL Tutor', "Explains queries: it's patient; it doesn't run them"],
  ['Onboarding Buddy', 'First weeks, first questions'],
  ['Release Notes', null],
  ['Übersetzer DE⇄EN', 'Übersetzt, ohne zu kürzen'],
  ['Expense, Explained', 'What may be expensed, and how'],
  ['Meeting Minutes', 'From transcript to decisions'],
  ['日本語アシスタント', '日本のお客様のために'],
  ['Incident Scribe', null],
  ['Tender Reader', 'Reads 300 pages so that you do not have to'],
  ['Data Privacy Check', 'GDPR: first look, not last word'],
];

const PROJECTS = [
  'Website relaunch',
  'Q1 planning; budget',
  'Tender "Nordlicht"',
  'Launch 🚀 2026',
  'ISO 27001\naudit',
  'Pricing, packaging',
  'Kunden-Onboarding Österreich',
  'Churn analysis',
  'Année fiscale',
];

/** Name, requests a day, UTC hour of a nightly batch, share of the year from which and up to which it is used. */
const API_KEYS: readonly (readonly [string, number, number | undefined, number, number?])[] = [
  ['support-bot', 90, undefined, 0],
  ['nightly-digest', 60, 1, 0],
  ['crm-sync', 40, undefined, 0.2],
  ['poc "do not use"', 15, undefined, 0.1, 0.35],
  ['document-tagger', 110, 22, 0.55],
  ['intranet-search', 30, undefined, 0.7],
];

/** Name, provider, weight, prices (prompt, cached prompt, completion), share of the year from which and up to which. */
const MODELS: readonly (readonly [string, string, number, readonly [number, number, number], number, number?])[] = [
  ['aurora-4', 'Northlight', 5, [2_500, 1_250, 10_000], 0],
  ['aurora-4-mini', 'Northlight', 4, [150, 75, 600], 0],
  ['basalt-3', 'Granite Labs', 3, [3_000, 300, 15_000], 0, 0.62],
  ['basalt-4', 'Granite Labs', 6, [3_000, 300, 15_000], 0.58],
  ['cedar-large', 'Arbor', 1, [2_000, 2_000, 6_000], 0.15],
  ['cedar-ocr', 'Arbor', 0.4, [87, 87, 125], 0.4],
];
