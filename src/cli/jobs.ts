import { type Config, loadConfig } from '../config/load.ts';
import { nearest } from '../core/nearest.ts';
import type { Job } from '../core/words.ts';
import { type CommandContext, usageError } from './command.ts';
import { list } from './phrases.ts';

/** The config that the command line names. From here on none of its secrets is printed. */
export function readConfig({ config, env, output }: CommandContext): Config {
  const loaded = loadConfig(config, { env });
  output.learn(loaded);
  return loaded;
}

/** The named jobs, also those that are disabled; without a name all enabled ones. Throws USAGE for a name that no job has. */
export function chooseJobs(config: Config, names: readonly string[]): readonly Job[] {
  if (names.length === 0) return config.jobs.filter((job) => job.enabled);
  return [...new Set(names)].map((name) => jobNamed(config, name));
}

/** The job of this name. Throws USAGE where there is none. */
export function jobNamed(config: Config, name: string): Job {
  const job = config.jobs.find((candidate) => candidate.name === name);
  if (job !== undefined) return job;
  const known = config.jobs.map((candidate) => candidate.name);
  const meant = nearest(name, known);
  throw usageError(
    `there is no job ${JSON.stringify(name)} in the config`,
    meant !== undefined
      ? `did you mean ${meant}?`
      : known.length === 0
        ? 'the config has no jobs'
        : `its jobs are ${known.length <= 10 ? list(known) : `${known.slice(0, 10).join(', ')}, …`}`,
  );
}

/** Throws ConfigError for variables that reading the jobs' ledgers takes and that are unset; a source's are not asked for. */
export function needLedgers(config: Config, jobs: readonly Job[]): void {
  config.need(jobs.map((job) => ({ ...job, sources: [] })));
}

/** Throws ConfigError for variables that one export of a job takes and that are unset; a destination's are not asked for. */
export function needExport(config: Config, job: Job): void {
  config.need([{ ...job, destination: '' }]);
}

/** Throws ConfigError for variables of any source or destination that are unset. */
export function needEverything(config: Config): void {
  const sources = [...config.sources.keys()].map((name) => ({ name }));
  config.need(['', ...config.destinations.keys()].map((destination) => ({ name: '', destination, sources })));
}

/** Throws ConfigError for variables that a source takes and that are unset. */
export function needSource(config: Config, name: string): void {
  config.need([{ name: '', destination: '', sources: [{ name }] }]);
}
