import { loadConfig } from '../config/load.ts';
import { formatProblem, problemDocument } from '../config/problems.ts';
import type { CommandContext, Exit } from './command.ts';
import { counted } from './phrases.ts';

export interface ValidateOptions {
  /** False: `--no-env`, for CI that has no secrets. Variables and secret files need not be there. */
  readonly env: boolean;
}

/** `exportd validate`: the config alone, no network. Throws ConfigError with every error; warnings are printed. */
export async function validate({ env: needAll }: ValidateOptions, context: CommandContext): Promise<Exit> {
  const { output, env } = context;
  const config = loadConfig(context.config, { env, needAll });
  output.learn(config);
  const { jobs, sources, destinations, warnings } = config;
  if (output.format === 'json') {
    await output.document({
      jobs: jobs.map((job) => job.name),
      sources: [...sources.keys()],
      destinations: [...destinations.keys()],
      problems: warnings.map(problemDocument),
    });
    return 0;
  }
  const what = [
    counted(jobs.length, 'job'),
    counted(sources.size, 'source'),
    counted(destinations.size, 'destination'),
  ];
  const unread = needAll ? '' : '; variables and secret files were not asked for';
  await output.print([...warnings.flatMap((found) => [formatProblem(found), '']), `ok: ${what.join(', ')}${unread}`]);
  return 0;
}
