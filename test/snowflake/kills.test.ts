import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { keyOf } from '../contract/entries.ts';
import { type Lab, openLab, SIGNAL } from './lab.ts';
import type { Kind } from './proxy.ts';

const DAY = '2026-11-21';
const CHILD = fileURLToPath(new URL('./kills.child.ts', import.meta.url));

/** What a batch says, in its order. */
const STEPS: readonly Kind[] = ['CREATE', 'PUT', 'COPY', 'BLOCK', 'DROP', 'REMOVE'];

/** Kills a process that replaces the day's rows with `name`, once its statement is on its way, or answered. */
async function killed(lab: Lab, step: Kind, when: 'before' | 'after', name: string): Promise<void> {
  const { entries, staged } = await lab.batch(DAY, [name]);
  const order = { ...Object(lab.elsewhere.options), path: staged?.file.path, entry: entries[0] };
  const child = spawn(process.execPath, [CHILD, JSON.stringify(order)], { stdio: 'ignore' });
  const ended = once(child, 'exit');
  lab.proxy.fault = async ({ kind }) => {
    if (kind !== step) return undefined;
    if (when === 'after') {
      setTimeout(() => child.kill('SIGKILL'), 0);
      return 'hold';
    }
    child.kill('SIGKILL');
    await ended;
    return 'reset';
  };
  const [, signal] = await ended;
  expect(signal).toBe('SIGKILL');
  lab.proxy.fault = () => undefined;
}

test('killed at every step, before and after Snowflake got it: old rows or new ones, and one plain run heals (reliability 1, 2, case d13)', async () => {
  await using lab = await openLab();
  await lab.destination.replace(await lab.batch(DAY, ['first']), SIGNAL);
  let before = 'first';
  for (const step of STEPS) {
    for (const when of ['before', 'after'] as const) {
      const name = `${step} ${when}`;
      await killed(lab, step, when, name);
      const reading = await lab.destination.read([{ name: 'users_daily', detailFrom: DAY }], SIGNAL);
      const table = reading.tables.get('users_daily');
      const { rows } = await lab.now();
      expect([[`${DAY} ${before}`], [`${DAY} ${name}`]]).toContainEqual(rows);
      expect(table?.rows).toBe(table?.ledgerRows);
      expect(table?.present.get(keyOf(DAY))).toBe(1);
      before = `${name} healed`;
      await lab.destination.replace(await lab.batch(DAY, [before]), SIGNAL);
      expect((await lab.now()).rows).toEqual([`${DAY} ${before}`]);
    }
  }
});
