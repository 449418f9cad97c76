import { constants } from 'node:os';
import { createOutput } from '../src/cli/output.ts';
import { exportd } from './exportd.ts';
import { queryLines } from './warehouse.ts';

/** A step of the demo did not go as it should; `exitCode` is what the demo ends with. */
export class StepFailed extends Error {
  readonly exitCode: number;

  constructor(exitCode: number) {
    super(`A step of the demo ended with exit code ${exitCode}.`);
    this.exitCode = exitCode;
  }
}

/** Where the demo is played: numbered steps, each with the command or query that it runs and what comes of it. */
export interface Stage {
  say(...lines: readonly string[]): Promise<void>;
  title(text: string): Promise<void>;
  step(title: string): Promise<void>;
  /** Throws StepFailed where exportd does not exit with 0. */
  run(...words: readonly string[]): Promise<void>;
  /** `run` with one variable of another value, which is shown. */
  runWith(variable: Readonly<Record<string, string>>, ...words: readonly string[]): Promise<void>;
  query(sql: string): Promise<void>;
}

/** `env`: what exportd gets beside our own environment. Ctrl-C ends the demo after the command that it interrupts. */
export function openStage(env: Readonly<Record<string, string>>): Stage {
  const { stdout, stderr } = process;
  const { paint, print } = createOutput({ format: 'text', color: true, env: process.env, stdout, stderr });
  let interrupted: number | undefined;
  let steps = 0;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      interrupted ??= 128 + constants.signals[signal];
    });
  }
  const goOn = () => {
    if (interrupted !== undefined) throw new StepFailed(interrupted);
  };
  const run = async (more: Readonly<Record<string, string>>, words: readonly string[]) => {
    const shown = Object.entries(more).map(([name, value]) => `${name}=${value} `);
    await print([paint('cyan', `$ ${shown.join('')}exportd ${words.join(' ')}`)]);
    const exitCode = await exportd(words, { ...env, ...more });
    goOn();
    if (exitCode !== 0) throw new StepFailed(exitCode);
  };
  return {
    say: (...lines) => print(lines),
    title: (text) => print([paint('bold', text)]),
    async step(title) {
      goOn();
      steps += 1;
      await print(['', paint('bold', `${steps}. ${title}`), '']);
    },
    run: (...words) => run({}, words),
    runWith: (variable, ...words) => run(variable, words),
    async query(sql) {
      await print([...sql.split('\n').map((line) => paint('cyan', line)), '', ...(await queryLines(sql))]);
    },
  };
}
