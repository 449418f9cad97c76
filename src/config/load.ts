import { createHash } from 'node:crypto';
import { dirname, resolve } from 'node:path';
import type { z } from 'zod';
import type { ConfigPath } from '../core/errors.ts';
import type { Secret } from '../core/secret.ts';
import type { Job, JobSource } from '../core/words.ts';
import { type ConfigFile, placeName } from './config-file.ts';
import { daemonOf } from './daemon-settings.ts';
import { layDefaults } from './defaults.ts';
import { bigQueryOf, duckDbOf } from './destination-settings.ts';
import { explainIssues } from './explain.ts';
import { readConfigFiles } from './files.ts';
import { checkJob, checkPresence } from './job-rules.ts';
import { find, pointAt } from './navigate.ts';
import { notificationOf } from './notification-settings.ts';
import { physicalOf } from './physical-destination.ts';
import { ConfigError, inOrder, type Problem, problem, warning } from './problems.ts';
import { checkReferences } from './references.ts';
import { resolveJob } from './resolve.ts';
import { DAEMON, DESTINATIONS, JOB, NOTIFICATIONS, SOURCES, USAGE_API } from './schema.ts';
import { mergeFiles, type Sections } from './sections.ts';
import type { DaemonConfig, DestinationConfig, NotificationConfig, SourceConfig, UsageApiConfig } from './settings.ts';
import { checkSharedTables, type Writer } from './shared-tables.ts';
import { checkSnowflake, snowflakeOf } from './snowflake-settings.ts';
import { clickHouseOf, exportApiOf } from './source-settings.ts';
import { type Entry, readTree } from './tree.ts';
import { checkUsageApi, usageApiOf } from './usage-api-settings.ts';
import { type Environment, type Missing, ValueReader } from './values.ts';
import type { Where } from './words-from-elsewhere.ts';

export type {
  DaemonConfig,
  DestinationConfig,
  NotificationConfig,
  NotificationKind,
  SourceConfig,
  UsageApiConfig,
} from './settings.ts';

/** A config that was read, checked and resolved. */
export interface Config {
  /** All of them, disabled ones too, in the order of files and lines. */
  readonly jobs: readonly Job[];
  readonly sources: ReadonlyMap<string, SourceConfig>;
  readonly destinations: ReadonlyMap<string, DestinationConfig>;
  readonly daemon: DaemonConfig;
  /** Whom the daemon tells; no command does. */
  readonly notifications: readonly NotificationConfig[];
  /** What `exportd serve` does; undefined where nothing is said of it. */
  readonly usageApi: UsageApiConfig | undefined;
  /** What is doubtful but no error. */
  readonly warnings: readonly Problem[];
  /** The first 12 hex digits of a digest of its files' texts; of no secret that they name. */
  readonly version: string;
  /** Digests of the secret files that were read, by path; those that could not be read too. Not to be shown. */
  secretFiles(): ReadonlyMap<string, string>;
  /** Everything secret that was read, also what a file or a secret key wrote out; for redaction. */
  secrets(): readonly Secret[];
  /**
   * Throws ConfigError with every variable and file that these jobs, their sources and destinations, or the daemon use and
   * that is missing; those of notifications only where they are asked for. Until it has returned, values that come from
   * missing variables are stand-ins.
   */
  need(jobs: readonly Needing[], also?: Also): void;
  /** `file:line:column` of a value, or of the nearest thing around it; undefined where no file says anything of it. */
  locate(path: ConfigPath): string | undefined;
}

export interface LoadOptions {
  readonly env: Environment;
  /** Whether every variable must be set: `validate`. Default: only those that `need` is asked for. */
  readonly needAll?: boolean | undefined;
}

/** Reads a file or a folder. Throws ConfigError with all errors of all files. */
export function loadConfig(path: string, options: LoadOptions): Config {
  return new Loader(options.env).load(path, options.needAll ?? false);
}

/** Where something is used: `jobs/users_daily`. */
type Owner = string;

/** Whose variables are needed: a job's, its sources' and its destination's, by their names. */
type Needing = Pick<Job, 'name' | 'destination'> & { readonly sources: readonly Pick<JobSource, 'name'>[] };

/** Sections that no job uses. */
type Also = 'notifications' | 'usage_api';

class Loader {
  readonly #values: ValueReader;
  readonly #problems: Problem[] = [];
  readonly #missing = new Map<Owner, readonly Missing[]>();
  /** Jobs with the defaults below them, and everything else as it is written; for `locate`. */
  readonly #owners = new Map<Owner, Entry>();

  constructor(env: Environment) {
    this.#values = new ValueReader(env);
  }

  load(path: string, needAll: boolean): Config {
    const { sections, whole, version } = this.#read(path);
    const sources = this.#sources(sections);
    const destinations = this.#destinations(sections);
    const daemon = this.#daemon(sections);
    const notifications = this.#notifications(sections);
    const usageApi = this.#usageApi(sections);
    const jobs = this.#jobs(sections, sources, destinations, whole);
    if (needAll) this.#problems.push(...[...this.#missing.values()].flat().map((missing) => missing.problem));
    if (sections.jobs.size === 0 && sections.usage_api.size === 0 && this.#problems.length === 0) {
      this.#problems.push(warning(undefined, `${path}: has no jobs`));
    }
    const problems = inOrder(this.#problems);
    if (problems.some(({ severity }) => severity === 'error') || daemon === undefined) throw new ConfigError(problems);
    return {
      jobs,
      sources,
      destinations,
      daemon,
      notifications,
      usageApi,
      warnings: problems,
      version,
      secretFiles: () => this.#values.secretFiles(),
      secrets: () => this.#values.secrets(),
      need: (used, also) => this.#need(used, also),
      locate: (at) => this.#locate(at),
    };
  }

  /** `whole`: every file could be read, so that a name which is nowhere is a mistake. */
  #read(path: string): { readonly sections: Sections; readonly whole: boolean; readonly version: string } {
    const { files, problems } = readConfigFiles(path);
    this.#problems.push(...problems);
    const trees = files.map((file) => ({ file, ...readTree(file) }));
    this.#problems.push(...trees.flatMap((read) => read.problems));
    const readable = trees.flatMap(({ file, tree }) => (tree === undefined ? [] : [{ file, tree }]));
    const merged = mergeFiles(readable);
    this.#problems.push(...merged.problems);
    const whole = problems.length === 0 && trees.every((read) => read.tree !== undefined || read.problems.length === 0);
    return { sections: merged.sections, whole, version: versionOf(files) };
  }

  #sources(sections: Sections): Map<string, SourceConfig> {
    const sources = new Map<string, SourceConfig>();
    for (const [name, entry] of sections.sources) {
      const input = this.#check(`sources/${name}`, entry, 'source', SOURCES);
      if (input === undefined) continue;
      if (input.type === 'clickhouse' && input.password != null && input.jwt != null) {
        const message = 'jwt: a token stands in place of a password: give one of the two';
        this.#problems.push(problem(pointAt(find(entry, ['jwt'])), message));
        continue;
      }
      sources.set(name, input.type === 'clickhouse' ? clickHouseOf(name, input) : exportApiOf(name, input));
    }
    return sources;
  }

  #destinations(sections: Sections): Map<string, DestinationConfig> {
    const destinations = new Map<string, DestinationConfig>();
    for (const [name, entry] of sections.destinations) {
      const input = this.#check(`destinations/${name}`, entry, 'destination', DESTINATIONS);
      if (input === undefined) continue;
      const path = (key: string, written: string) => resolve(folderOf(entry, [key]), written);
      if (input.type === 'bigquery') destinations.set(name, bigQueryOf(name, input, path));
      else if (input.type === 'duckdb') destinations.set(name, duckDbOf(name, input, path));
      else {
        this.#problems.push(...checkSnowflake(entry, input));
        const snowflake = snowflakeOf(name, input, path);
        if (snowflake !== undefined) destinations.set(name, snowflake);
      }
    }
    return destinations;
  }

  #daemon(sections: Sections): DaemonConfig | undefined {
    const owner = asOwner('daemon', sections.daemon);
    if (owner === undefined) return daemonOf(DAEMON.parse({}), '');
    const input = this.#check('daemon', owner, 'other', DAEMON);
    if (input === undefined) return undefined;
    const daemon = daemonOf(input, folderOf(owner, ['spool_dir']));
    const isOpen = daemon.token === undefined && !daemon.allowPublic;
    if (isOpen && daemon.listen !== undefined && !isLoopback(daemon.listen.host)) {
      const hint = 'set token, or allow_public: true where something else protects it';
      const message = `listen: everyone who reaches ${daemon.listen.host} could see the pages: ${hint}`;
      this.#problems.push(problem(pointAt(find(owner, ['listen'])), message));
    }
    return daemon;
  }

  #usageApi(sections: Sections): UsageApiConfig | undefined {
    const owner = asOwner('usage_api', sections.usage_api);
    const input = owner && this.#check('usage_api', owner, 'other', USAGE_API);
    if (owner === undefined || input === undefined) return undefined;
    // A stand-in for a variable that is not set must not be held against other keys.
    if ((this.#missing.get('usage_api') ?? []).every(({ secret }) => secret)) {
      this.#problems.push(...checkUsageApi(owner, input));
    }
    return usageApiOf(input, folderOf(owner, ['files_dir']));
  }

  #notifications(sections: Sections): NotificationConfig[] {
    return sections.notifications.flatMap((entry, index) => {
      const input = this.#check(`notifications/${index}`, entry, 'notification', NOTIFICATIONS);
      return input === undefined ? [] : [notificationOf(index, input)];
    });
  }

  #jobs(
    sections: Sections,
    sources: ReadonlyMap<string, SourceConfig>,
    destinations: ReadonlyMap<string, DestinationConfig>,
    whole: boolean,
  ): Job[] {
    this.#checkDefaults(sections);
    const jobs: Job[] = [];
    const writers: Writer[] = [];
    const physical = new Map([...destinations].map(([name, destination]) => [name, physicalOf(destination)]));
    for (const [name, written] of sections.jobs) {
      const entry = withDefaults(written, sections, this.#values);
      const owner = `jobs/${name}`;
      const input = this.#check(owner, entry, 'job', JOB);
      if (input === undefined) continue;
      this.#problems.push(...checkPresence(entry, input));
      const missing = this.#missing.get(owner) ?? [];
      // A stand-in for a variable that is not set must not be held against other keys.
      const complete = missing.every(({ secret }) => secret);
      const named = typeof input.source === 'string' ? [input.source] : (input.source ?? []);
      if (complete && whole) this.#problems.push(...checkReferences(entry, named, input.destination, sections));
      const used = [...new Set(named)].flatMap((source) => sources.get(source) ?? []);
      const destination = input.destination ?? '';
      const place = destinations.get(destination);
      const job = resolveJob({
        name,
        input,
        sources: used,
        destination,
        warehouse: place?.type ?? 'duckdb',
        keeps: place?.type === 'bigquery' ? place.partitionExpiration : undefined,
      });
      if (job === undefined) continue;
      jobs.push(job);
      if (!complete) continue;
      this.#problems.push(...checkJob(entry, input, job, used));
      const its = physical.get(job.destination);
      if (its === undefined || this.#missing.has(`destinations/${job.destination}`)) continue;
      writers.push({ owner: entry, job, physical: its, hashKeyKnown: missing.length === 0 });
    }
    this.#problems.push(...checkSharedTables(writers));
    return jobs;
  }

  /** `defaults` are checked also where no job brings their slips to light. */
  #checkDefaults(sections: Sections): void {
    const owner = asOwner('defaults', sections.defaults);
    if (owner === undefined) return;
    this.#owners.set('defaults', owner);
    const { value } = this.#values.read(owner.value);
    const parsed = JOB.safeParse(value);
    if (!parsed.success) this.#problems.push(...explainIssues(owner, 'job', parsed.error.issues));
  }

  /** Reads one thing's values and holds them against its schema. Undefined where they do not fit: said at their places. */
  #check<S extends z.ZodType>(owner: Owner, entry: Entry, where: Where, schema: S): z.output<S> | undefined {
    this.#owners.set(owner, entry);
    const { value, problems, missing } = this.#values.read(entry.value);
    this.#problems.push(...problems);
    if (missing.length > 0) this.#missing.set(owner, missing);
    const parsed = schema.safeParse(value);
    if (!parsed.success) this.#problems.push(...explainIssues(entry, where, parsed.error.issues));
    return parsed.success && problems.length === 0 ? parsed.data : undefined;
  }

  #need(jobs: readonly Needing[], also: Also | undefined): void {
    const owners = new Set<Owner>(['daemon']);
    if (also !== undefined)
      for (const owner of this.#owners.keys()) if (owner === also || owner.startsWith(`${also}/`)) owners.add(owner);
    for (const job of jobs) {
      owners.add(`jobs/${job.name}`).add(`destinations/${job.destination}`);
      for (const source of job.sources) owners.add(`sources/${source.name}`);
    }
    const missing = [...owners].flatMap((owner) => this.#missing.get(owner) ?? []);
    if (missing.length > 0) throw new ConfigError(inOrder(missing.map((each) => each.problem)));
  }

  #locate(path: ConfigPath): string | undefined {
    const [section, name, ...rest] = path;
    const isNamed = ['sources', 'destinations', 'jobs', 'notifications'].includes(String(section));
    const owner = this.#owners.get(isNamed ? `${section}/${name}` : String(section));
    if (owner === undefined) return undefined;
    return placeName(pointAt(find(owner, isNamed || name === undefined ? rest : [name, ...rest])));
  }
}

/** A section whose keys stand in several files as one thing, placed where the first of them is. */
function asOwner(key: string, entries: Map<string, Entry>): Entry | undefined {
  const place = entries.values().next().value?.keyPlace;
  return place && { key, keyPlace: place, value: { kind: 'map', place, entries } };
}

function withDefaults(written: Entry, { defaults }: Sections, values: ValueReader): Entry {
  if (written.value.kind !== 'map') return written;
  return { ...written, value: layDefaults(written.value, defaults, (scalar) => values.textOf(scalar)) };
}

/** The folder of the file in which a value is written: paths are relative to it. */
function folderOf(owner: Entry, path: readonly string[]): string {
  const { value, keyPlace } = find(owner, path);
  return dirname((value?.place ?? keyPlace).file.path);
}

function versionOf(files: readonly ConfigFile[]): string {
  const hash = createHash('sha256');
  for (const { shown, text } of files) hash.update(`${shown}\n${text.length}\n${text}`);
  return hash.digest('hex').slice(0, 12);
}

/** Only this machine reaches it. */
function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host);
}
