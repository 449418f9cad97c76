import { carryOut } from './carry-out.ts';
import { type CommandContext, type Exit, usageError } from './command.ts';
import { chooseJobs, readConfig } from './jobs.ts';
import { datesGiven, instantGiven } from './words-given.ts';

export interface RunOptions {
  readonly from?: string;
  readonly to?: string;
  readonly at?: string;
  readonly acceptHeld?: boolean;
  readonly dryRun?: boolean;
}

/** `exportd run`: one plan, carried out now. */
export async function run(names: readonly string[], options: RunOptions, context: CommandContext): Promise<Exit> {
  const { from, to } = datesGiven(options);
  const clock = context.clock();
  const now = options.at === undefined ? clock : instantGiven('--at', options.at);
  if (now > clock)
    throw usageError(`--at ${options.at} is not over yet`, 'exportd plan --at shows what will be due then');
  const config = readConfig(context);
  const acceptHeld = options.acceptHeld ?? false;
  return carryOut(config, context, {
    jobs: chooseJobs(config, names),
    wish: { kind: 'run', from, to, acceptHeld },
    now,
    acceptHeld,
    dryRun: options.dryRun ?? false,
    concurrency: undefined,
  });
}
