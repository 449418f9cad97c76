import { carryOut } from './carry-out.ts';
import type { CommandContext, Exit } from './command.ts';
import { jobNamed, readConfig } from './jobs.ts';
import { countGiven, datesGiven } from './words-given.ts';

export interface BackfillOptions {
  readonly from?: string;
  readonly to?: string;
  readonly missing?: boolean;
  readonly failed?: boolean;
  readonly all?: boolean;
  readonly outdated?: boolean;
  readonly concurrency?: string;
  readonly dryRun?: boolean;
}

/** `exportd backfill`: a job's history. Whatever was committed is not asked for again by the same command. */
export async function backfill(name: string, options: BackfillOptions, context: CommandContext): Promise<Exit> {
  const { from, to } = datesGiven(options);
  const concurrency = options.concurrency === undefined ? undefined : countGiven('--concurrency', options.concurrency);
  const config = readConfig(context);
  const which = options.all ? 'all' : options.failed ? 'failed' : options.outdated ? 'outdated' : 'missing';
  return carryOut(config, context, {
    jobs: [jobNamed(config, name)],
    wish: { kind: 'backfill', from, to, which },
    now: context.clock(),
    acceptHeld: false,
    dryRun: options.dryRun ?? false,
    concurrency,
  });
}
