import { type Argument, Command, Option } from 'commander';
import type { LogLevel } from '../log.ts';
import { VERSION } from '../version.ts';
import type { BackfillOptions } from './backfill.ts';
import type { CommandContext, Exit } from './command.ts';
import type { InitOptions } from './init.ts';
import type { KeysCreateOptions } from './keys-create.ts';
import type { Output } from './output.ts';
import type { PlanOptions } from './plan.ts';
import type { PreviewOptions } from './preview.ts';
import type { RunOptions } from './run.ts';
import type { ValidateOptions } from './validate.ts';

/** Hands a command its context, and keeps its exit code. */
export type Act = (command: Command, action: (context: CommandContext) => Promise<Exit>) => Promise<void>;

/** The command line's grammar. A command's own code is imported when it is called, so that `--help` loads none of it. */
export function program(output: Output, said: { out: string; err: string }, act: Act): Command {
  const exportd = new Command('exportd')
    .description('Recurring usage reports into your warehouse: YAML jobs, one period at a time, exactly once.')
    .version(VERSION, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show help; also after a command')
    .option('-c, --config <path>', 'YAML (default: $EXPORTD_CONFIG or ./config)')
    .addOption(new Option('-o, --output <format>', 'text (default) or json: one document on stdout').choices(FORMATS))
    .addOption(new Option('--log-level <level>', 'json log lines on stderr, e.g. debug, info, warn').choices(LEVELS))
    .option('--no-color', 'no colours, like NO_COLOR=1')
    .helpCommand('help [command]', 'show help')
    .configureHelp({
      showGlobalOptions: true,
      styleTitle: (title) => output.paint('bold', title),
      optionDescription: (option) => option.description,
      subcommandTerm: (command) => [command.name(), ...command.registeredArguments.map(readable)].join(' '),
    })
    .configureOutput({
      writeOut: (text) => {
        said.out += text;
      },
      writeErr: (text) => {
        said.err += text;
      },
    })
    .exitOverride()
    .addHelpText('after', EXAMPLES);

  exportd
    .command('start')
    .summary('the daemon: every job on its schedule, until told to stop')
    .description(
      'Runs every job on its schedule until told to stop. A changed config is read by itself, or at SIGHUP; SIGTERM commits\n' +
        'what has arrived and ends. Logs go to stdout; /healthz, /readyz, /metrics and /api are on daemon.listen.',
    )
    .action((_options: unknown, command: Command) =>
      act(command, async (context) => (await import('./start.ts')).start(context)),
    );

  exportd
    .command('run [job...]')
    .summary('load what is due now (all enabled jobs by default)')
    .description('Makes one plan and carries it out now, for all enabled jobs or those named.')
    .option('--from <date>', 'load just the periods from this date on, due or not')
    .option('--to <date>', '… up to and with this date')
    .option('--at <instant>', "the plan's clock instead of now, e.g. 2026-11-25T06:15:00Z; not after now")
    .option('--accept-held', 'let through what was held: far fewer rows than before, or none')
    .option('--dry-run', 'show the plan, load nothing')
    .addHelpText('after', RUN_EXAMPLES)
    .action((jobs: string[], options: RunOptions, command: Command) =>
      act(command, async (context) => (await import('./run.ts')).run(jobs, options, context)),
    );

  exportd
    .command('backfill <job>')
    .summary("load a job's history; Ctrl-C is safe, the same goes on")
    .description(
      'Loads the history of a job, new to old. Ctrl-C is safe: the same command goes on where it stopped.\n' +
        'Without an option it loads what is missing.',
    )
    .option('--from <date>', "first date (default: the window's begin, or the oldest loaded)")
    .option('--to <date>', 'last date (default: the newest closed period)')
    .addOption(new Option('--missing', 'only periods never loaded (default)').conflicts(['failed', 'all', 'outdated']))
    .addOption(new Option('--failed', 'only periods whose newest attempt failed').conflicts(['all', 'outdated']))
    .addOption(new Option('--outdated', 'only periods loaded under other `columns` or `schema`').conflicts(['all']))
    .option('--all', 'every period, loaded or not')
    .option('--concurrency <n>', "requests at once; lowers the source's own")
    .option('--dry-run', 'show the plan, load nothing')
    .addHelpText('after', BACKFILL_EXAMPLES)
    .action((job: string, options: BackfillOptions, command: Command) =>
      act(command, async (context) => (await import('./backfill.ts')).backfill(job, options, context)),
    );

  exportd
    .command('plan [job...]')
    .summary('show what is due now and why; writes nothing')
    .description(
      'Shows what is due, why, with how many requests, and which personal columns will leave. Writes nothing.',
    )
    .option('--at <instant>', 'as if it were this instant, e.g. 2026-12-01T06:15:00Z')
    .action((jobs: string[], options: PlanOptions, command: Command) =>
      act(command, async (context) => (await import('./plan.ts')).plan(jobs, options, context)),
    );

  exportd
    .command('status [job...]')
    .summary('show how jobs stand: newest, missing, failed, held')
    .action((jobs: string[], _options: unknown, command: Command) =>
      act(command, async (context) => (await import('./status.ts')).status(jobs, context)),
    );

  exportd
    .command('preview <job>')
    .summary('print one export as it would land; loads nothing')
    .option('--limit <n>', 'rows to print', '20')
    .option('--date <date>', 'the period of this date (default: the newest closed one)')
    .action((job: string, options: PreviewOptions, command: Command) =>
      act(command, async (context) => (await import('./preview.ts')).preview(job, options, context)),
    );

  exportd
    .command('store')
    .summary('`store init` makes or upgrades a usage store in ClickHouse')
    .description('The usage store that a `clickhouse` source reads.')
    .command('init [source]')
    .summary('make its tables, or upgrade them; safe to repeat')
    .action((source: string | undefined, _options: unknown, command: Command) =>
      act(command, async (context) => (await import('./store-init.ts')).storeInit(source, context)),
    );

  exportd
    .command('serve')
    .summary('the Usage Export API over a ClickHouse usage store')
    .description(
      'Answers the Usage Export API on usage_api.listen until told to stop. A changed config is read by itself, or at SIGHUP:\n' +
        'keys and limits change at once. SIGTERM lets answers and downloads end. Logs, an audit line for every export among\n' +
        'them, go to stdout; /healthz, /readyz, /metrics, /docs and /openapi.json are there too.',
    )
    .action((_options: unknown, command: Command) =>
      act(command, async (context) => (await import('./serve.ts')).serve(context)),
    );

  exportd
    .command('keys')
    .summary('`keys create` makes an API key for `serve`')
    .description('API keys of the Usage Export API that `exportd serve` answers.')
    .command('create <name>')
    .summary('make a key: shown once, its hash goes into the YAML')
    .requiredOption('--workspace <org_id>', 'what it may export: the whole of this workspace')
    .action((name: string, options: KeysCreateOptions, command: Command) =>
      act(command, async (context) => (await import('./keys-create.ts')).keysCreate(name, options, context)),
    );

  exportd
    .command('validate')
    .summary('check the config and show every error; no network')
    .option('--no-env', 'leave variables and secret files unread, for CI that has none')
    .action((options: ValidateOptions, command: Command) =>
      act(command, async (context) => (await import('./validate.ts')).validate(options, context)),
    );

  exportd
    .command('doctor')
    .summary('reach every source and destination; say what is missing')
    .description(
      'Exports one day from every source, makes and drops a table in every destination, compares clocks, and says which\n' +
        'permission is missing and which role grants it. Leaves nothing behind.',
    )
    .action((_options: unknown, command: Command) =>
      act(command, async (context) => (await import('./doctor.ts')).doctor(context)),
    );

  exportd
    .command('init [folder]')
    .summary('write a commented starter config and its JSON Schema')
    .action((folder: string | undefined, options: InitOptions, command: Command) =>
      act(command, async (context) => (await import('./init.ts')).init(folder, options, context)),
    );

  exportd
    .command('schema')
    .summary('print the JSON Schema of the config, for editors')
    .action((_options: unknown, command: Command) =>
      act(command, async (context) => (await import('./schema.ts')).schema(context)),
    );

  return exportd;
}

function readable(argument: Argument): string {
  const name = argument.name().toUpperCase() + (argument.variadic ? '…' : '');
  return argument.required ? name : `[${name}]`;
}

const FORMATS = ['text', 'json'];
const LEVELS: readonly LogLevel[] = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];

const EXAMPLES = `
Examples:
  exportd init                                     start with a commented config
  exportd validate                                 every error, with its place
  exportd plan                                     what would be loaded, and why
  exportd run                                      load it
  exportd backfill users_daily --from 2026-01-01   fill a year, then keep it by \`run\`
  exportd status --output json                     for scripts

Exit codes:
  0  all well
  1  a job could not be planned, or a period failed or was held
  2  wrong config or command line
  130, 143  interrupted`;

const RUN_EXAMPLES = `
Examples:
  exportd run                                                  everything that is due
  exportd run users_daily --from 2026-11-01 --to 2026-11-07    these seven days again
  exportd run users_daily --accept-held                        yes, the rows did go away`;

const BACKFILL_EXAMPLES = `
Examples:
  exportd backfill users_daily --from 2026-01-01 --dry-run     how long would it take?
  exportd backfill users_daily --from 2026-01-01
  exportd backfill users_daily --failed                        what did not come the last time
  exportd backfill users_daily --outdated                      after a change of \`columns\``;
