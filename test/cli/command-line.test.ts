import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { exportd, folder, frame, MAIN, start } from './exportd.ts';

describe('the command line', () => {
  test('--help names every command and none that does not exist yet', async () => {
    const { exit, stdout, stderr } = await start(['--help']).ended;
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
    for (const command of [
      'start',
      'serve',
      'run',
      'backfill',
      'plan',
      'status',
      'preview',
      'validate',
      'doctor',
      'init',
      'schema',
      'store',
      'keys',
    ]) {
      expect(stdout).toMatch(new RegExp(`^  ${command} `, 'm'));
    }
    for (const command of ['verify', 'history', 'forget']) {
      expect(stdout).not.toMatch(new RegExp(`^  ${command}|exportd ${command}|--coverage`, 'm'));
    }
  });

  test('--help costs at most a quarter of a second of CPU: it loads no driver, no YAML and no engine', () => {
    const script = `
      process.on('exit', () => { const { user, system } = process.cpuUsage(); console.log('cpu', (user + system) / 1e6); });
      process.argv.push('exportd', '--help');
      await import(${JSON.stringify(MAIN)});`;
    const seconds = Array.from({ length: 3 }, () => {
      const said = execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
      return Number(/^cpu (.*)$/m.exec(said)?.[1]);
    });
    const best = Math.min(...seconds);
    expect(best).toBeLessThan(0.25);
  });

  test.each([
    [['rnu'], "unknown command 'rnu'", 'did you mean run?'],
    [['run', '--form', '2026-01-01'], "unknown option '--form'", 'did you mean --from?'],
    [['backfill'], "missing required argument 'job'", undefined],
    [['backfill', 'j', '--all', '--failed'], "option '--failed' cannot be used with option '--all'", undefined],
    [['plan', '--output', 'xml'], 'Allowed choices are text, json', undefined],
  ])('%j is refused with exit 2 and what was meant', async (words, message, hint) => {
    const { exit, stdout, stderr } = await exportd(words);
    expect({ exit, stdout }).toEqual({ exit: 2, stdout: '' });
    expect(stderr).toContain('error USAGE: ');
    expect(stderr).toContain(message);
    if (hint !== undefined) expect(stderr).toContain(`hint: ${hint}`);
  });

  test('with --output json also a wrong command line is one document on stdout', async () => {
    const { exit, stdout, stderr } = await exportd(['run', '--form', 'x', '--output', 'json']);
    expect({ exit, stderr }).toEqual({ exit: 2, stderr: '' });
    expect(JSON.parse(stdout)).toEqual({
      error: { code: 'USAGE', message: "unknown option '--form'", hint: 'did you mean --from?' },
    });
  });

  test('without a command it shows its help, and exits with 2', async () => {
    const { exit, stdout, stderr } = await exportd([]);
    expect({ exit, stdout }).toEqual({ exit: 2, stdout: '' });
    expect(stderr).toContain('Usage: exportd');
  });
});

describe('a command that cannot be meant', () => {
  test.each([
    [['run', 'i'], 'there is no job "i" in the config'],
    [['run', 'j', '--from', '2026-02-30'], '--from: the calendar has no 2026-02-30'],
    [['run', 'j', '--from', '2026-11-02', '--to', '2026-11-01'], '--from 2026-11-02 is after --to 2026-11-01'],
    [['run', '--at', '2999-01-01T00:00:00Z'], '--at 2999-01-01T00:00:00Z is not over yet'],
    [['backfill', 'j', '--concurrency', '0'], '--concurrency: a whole number from 1 on, not "0"'],
    [['preview', 'j', '--limit', 'all'], '--limit: a whole number from 1 on, not "all"'],
  ])('%j exits with 2 and says why', async (words, message) => {
    using place = folder({ 'exportd.yaml': frame() });
    const { exit, stderr } = await exportd([...words, '--config', place.at('exportd.yaml')]);
    expect(stderr).toContain(`error USAGE: ${message}`);
    expect(exit).toBe(2);
  });

  test('a job with a slip in its name is answered with the one that was meant', async () => {
    using place = folder({ 'exportd.yaml': frame().replace('  j:', '  users_daily:') });
    const { stderr } = await exportd(['plan', 'user_dayly', '-c', place.at('exportd.yaml')]);
    expect(stderr).toContain('hint: did you mean users_daily?');
  });
});

describe('a config with errors', () => {
  const broken = frame({ job: 'window: { grian: day }' });

  test('is refused with exit 2, each error with its file, line, column, line and caret', async () => {
    using place = folder({ 'exportd.yaml': broken });
    const { exit, stderr } = await exportd(['plan', '-c', place.at('exportd.yaml')]);
    expect(exit).toBe(2);
    expect(stderr).toMatch(/exportd\.yaml:8:\d+: .*grian.*did you mean grain\?\n.*grian.*\n.*\^\^\^\^\^/m);
  });

  test('is one document with --output json', async () => {
    using place = folder({ 'exportd.yaml': broken });
    const { exit, stdout } = await exportd(['plan', '-c', place.at('exportd.yaml'), '-o', 'json']);
    expect(exit).toBe(2);
    const { error } = JSON.parse(stdout);
    expect(error).toMatchObject({ code: 'CONFIG_INVALID', message: '1 error in the config' });
    expect(error.problems).toMatchObject([{ severity: 'error', file: place.at('exportd.yaml'), line: 8 }]);
  });

  test('is found where EXPORTD_CONFIG says, and --config goes before it', async () => {
    using place = folder({ 'good.yaml': frame(), 'bad.yaml': broken });
    const surroundings = { EXPORTD_CONFIG: place.at('bad.yaml') };
    expect((await exportd(['plan'], surroundings)).exit).toBe(2);
    expect((await exportd(['plan', '--config', place.at('good.yaml')], surroundings)).exit).toBe(0);
  });
});

describe('variables', () => {
  const unset = frame().replace(':-the-api-key-of-acme', '');

  test('are asked for only where a command uses them: a plan asks no source, so it needs no key of one', async () => {
    using place = folder({ 'exportd.yaml': unset });
    expect((await exportd(['plan', '-c', place.at('exportd.yaml')])).exit).toBe(0);
    expect((await exportd(['run', '--dry-run', '-c', place.at('exportd.yaml')])).exit).toBe(0);
    const { exit, stderr } = await exportd(['run', '-c', place.at('exportd.yaml')]);
    expect(exit).toBe(2);
    expect(stderr).toMatch(/exportd\.yaml:3:\d+: variable KEY is not set/);
  });
});
