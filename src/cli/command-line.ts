import { CommanderError } from 'commander';
import type { LogLevel } from '../log.ts';
import { type Exit, exitOf, stoppedError, usageError } from './command.ts';
import { createOutput, ReaderGone, type Stream } from './output.ts';
import { type Act, program } from './program.ts';

/** What the process lends to a command. */
export interface Surroundings {
  readonly stop: AbortSignal;
  /** Rejects with what was thrown where nobody caught it: a bug, told like any other error and never as Node would, raw. */
  readonly crash: Promise<never>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdout: Stream;
  readonly stderr: Stream;
}

interface GlobalOptions {
  readonly config?: string;
  readonly logLevel?: LogLevel;
}

/** Runs one command line, prints what comes of it, and says how the process is to exit. Never throws. */
export async function runCommandLine(words: readonly string[], surroundings: Surroundings): Promise<Exit> {
  const { env, stop, crash } = surroundings;
  const output = createOutput({
    format: wantsJson(words) ? 'json' : 'text',
    color: !words.includes('--no-color'),
    ...surroundings,
  });
  let exit: Exit = 0;
  const said = { out: '', err: '' };
  const act: Act = async (command, action) => {
    const { config, logLevel } = command.optsWithGlobals<GlobalOptions>();
    const place = config ?? (env.EXPORTD_CONFIG || './config');
    exit = await action({ config: place, logLevel, output, stop, env, clock: Date.now });
  };
  try {
    try {
      await Promise.race([program(output, said, act).parseAsync(words, { from: 'user' }), crash]);
      return exit;
    } catch (error) {
      if (!(error instanceof CommanderError)) throw error;
      if (error.exitCode !== 0 && error.code !== 'commander.help') throw fromCommander(error);
      if (said.out !== '') await output.print([said.out.trimEnd()]);
      if (said.err !== '') output.stderr.write(said.err);
      return error.exitCode === 0 ? 0 : 2;
    }
  } catch (error) {
    if (error instanceof ReaderGone) return 141;
    return await output.fail(stop.aborted ? stoppedError() : error).then(
      () => (stop.aborted ? 'interrupted' : exitOf(error)),
      () => 141,
    );
  }
}

/** Looked at before anything is parsed: also a wrong command line is answered in the form that was asked for. */
function wantsJson(words: readonly string[]): boolean {
  return words.some(
    (word, i) =>
      /^(--output=|-o=?)json$/.test(word) || ((word === '--output' || word === '-o') && words[i + 1] === 'json'),
  );
}

/** `error: unknown option '--form'\n(Did you mean --from?)` → our words. */
function fromCommander(error: CommanderError): Error {
  const [message = '', suggestion] = error.message.replace(/^error: /, '').split('\n');
  const meant = suggestion?.match(/Did you mean (.*)\?/)?.[1];
  return usageError(message, meant === undefined ? 'see `exportd --help`' : `did you mean ${meant}?`);
}
