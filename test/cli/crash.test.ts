import { expect, test } from 'vitest';
import { runCommandLine } from '../../src/cli/command-line.ts';
import { folder, frame, screen } from './exportd.ts';

test('an error that nobody caught ends the command with exit 1, and nothing of its message is shown', async () => {
  using place = folder({ 'exportd.yaml': frame() });
  const [stdout, stderr] = [screen(), screen()];
  const crash = Promise.reject(
    new Error('Conversion Error: could not read "anna@example.com", Bearer the-api-key-of-acme'),
  );
  const exit = await runCommandLine(['plan', '-c', place.at('exportd.yaml')], {
    stop: new AbortController().signal,
    crash,
    env: {},
    stdout: stdout.stream,
    stderr: stderr.stream,
  });
  expect(exit).toBe(1);
  expect(stderr.sent()).toMatch(/^error INTERNAL: unexpected Error\n {2}hint: this is a bug in exportd/);
  expect(stdout.sent() + stderr.sent()).not.toMatch(/anna|the-api-key/);
});
