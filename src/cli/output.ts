import type { Writable } from 'node:stream';
import { styleText } from 'node:util';
import type { ConfigPath } from '../core/errors.ts';
import type { Secret } from '../core/secret.ts';
import { createRedact, type Redact } from '../redact.ts';
import type { ErrorDocument } from './error-text.ts';
import { jsonDocument } from './json.ts';

export type Style = 'bold' | 'dim' | 'red' | 'yellow' | 'green' | 'cyan';
/** Colours a text, or leaves it as it is where colours are not wanted. */
export type Paint = (style: Style, text: string) => string;

/** Where a command's words go; a terminal says so. */
export type Stream = Writable & { readonly isTTY?: boolean | undefined; readonly columns?: number | undefined };

export interface OutputOptions {
  readonly format: 'text' | 'json';
  /** False: `--no-color`. */
  readonly color: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdout: Stream;
  readonly stderr: Stream;
}

/** What output must know of a config. */
interface Learned {
  secrets(): readonly Secret[];
  /** `file:line:column` of a value. */
  locate(path: ConfigPath): string | undefined;
}

/** The only way to stdout and stderr. Known secrets are replaced in everything that passes. */
export interface Output {
  readonly format: 'text' | 'json';
  /** For text that goes to stdout. */
  readonly paint: Paint;
  /** Where people are spoken to while a command works. */
  readonly stderr: {
    readonly paint: Paint;
    /** A terminal that can redraw a line. */
    readonly live: boolean;
    readonly unicode: boolean;
    readonly columns: number;
    write(text: string): void;
  };
  /** Log lines to stdout: nobody waits for them, and a reader that left is no reason to stop. */
  readonly log: {
    /** A terminal, where people read them. */
    readonly live: boolean;
    readonly paint: Paint;
    write(text: string): void;
  };
  /** Replaces every known secret in a text. */
  readonly redact: Redact;
  /** Lines to stdout, each with its end; resolves once they are out. Throws ReaderGone where nobody reads any more. */
  print(lines: Iterable<string>): Promise<void>;
  /** One JSON document to stdout; lists may be any iterable, and are never held whole. Throws ReaderGone. */
  document(value: Readonly<Record<string, unknown>>): Promise<void>;
  /** The one place that prints an error: text to stderr, or a JSON document to stdout. */
  fail(error: unknown): Promise<void>;
  /**
   * From here on the config's secrets are never printed, nor those of configs before it, and errors about its values say
   * where those stand.
   */
  learn(config: Learned): void;
}

/** Whoever read our output has gone (`| head`): not an error, and no reason to go on. */
export class ReaderGone extends Error {
  override readonly name = 'ReaderGone';
}

/** Runs that began under a config before this one may still go on; a daemon reads a new one whenever a secret is rotated. */
const CONFIGS_KNOWN = 10;

/** Pieces of this size (UTF-16 units) are written at a time: few system calls, and a reader that left is soon noticed. */
const PIECE = 65_536;

export function createOutput(options: OutputOptions): Output {
  const { format, stdout, stderr, env } = options;
  const learned: (readonly Secret[])[] = [];
  let redact: Redact = (text) => text;
  let locate: Learned['locate'] = () => undefined;
  let gone: Error | undefined;

  // Without listeners Node would end the process with a stack trace. A failed write to stdout surfaces in `print`;
  // of stderr there is nobody left to tell.
  stdout.on('error', (error) => {
    gone = error;
  });
  stderr.on('error', () => undefined);

  const colored = (stream: Stream): boolean =>
    options.color && stream.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb';
  const painter = (stream: Stream): Paint =>
    colored(stream) ? (style, text) => styleText(style, text, { validateStream: false }) : (_style, text) => text;

  async function send(text: string): Promise<void> {
    if (gone !== undefined) throw new ReaderGone('stdout is closed');
    await new Promise<void>((resolve, reject) => {
      stdout.write(redact(text), (error) => {
        if (error === null || error === undefined) resolve();
        else reject('code' in error && error.code === 'EPIPE' ? new ReaderGone('stdout is closed') : error);
      });
    });
  }

  async function sendAll(pieces: Iterable<string>): Promise<void> {
    let piece = '';
    for (const text of pieces) {
      piece += text;
      if (piece.length >= PIECE) {
        await send(piece);
        piece = '';
      }
    }
    if (piece !== '') await send(piece);
  }

  const output: Output = {
    format,
    paint: painter(stdout),
    stderr: {
      paint: painter(stderr),
      live: stderr.isTTY === true && env.TERM !== 'dumb',
      unicode: /utf-?8/i.test(env.LC_ALL || env.LC_CTYPE || env.LANG || ''),
      get columns() {
        return stderr.columns || 80;
      },
      write(text) {
        stderr.write(redact(text));
      },
    },
    log: {
      live: stdout.isTTY === true && env.TERM !== 'dumb',
      paint: painter(stdout),
      write(text) {
        stdout.write(redact(text));
      },
    },
    redact: (text) => redact(text),
    print: (lines) => sendAll(ended(lines)),
    document: (value) => sendAll(jsonDocument(value)),
    async fail(thrown) {
      const told = await tell(thrown, output.stderr.paint, locate);
      if (format === 'json') await output.document({ error: told.document });
      else output.stderr.write(`${told.lines.join('\n')}\n`);
    },
    learn(config) {
      learned.push(config.secrets());
      if (learned.length > CONFIGS_KNOWN) learned.shift();
      redact = createRedact(learned.flat());
      locate = (path) => config.locate(path);
    },
  };
  return output;
}

/** An error for people and for programs. Its words are imported when there is one: no command line pays for them in advance. */
async function tell(
  thrown: unknown,
  paint: Paint,
  locate: Learned['locate'],
): Promise<{ lines: string[]; document: ErrorDocument }> {
  const { configErrorLines, configErrorsInWords, errorDocument, errorLines, toldOf } = await import('./error-text.ts');
  const error = toldOf(thrown);
  if (error.code === 'CONFIG_INVALID') {
    const { ConfigError, problemDocument } = await import('../config/problems.ts');
    if (error instanceof ConfigError) {
      const problems = error.problems.map(problemDocument);
      const message = configErrorsInWords(error);
      return { lines: configErrorLines(error, paint), document: { ...errorDocument(error), message, problems } };
    }
  }
  const place = error.at && locate(error.at);
  return { lines: errorLines(error, paint, place), document: { ...errorDocument(error), place } };
}

function* ended(lines: Iterable<string>): Generator<string> {
  for (const line of lines) yield `${line}\n`;
}
