import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { type World, world } from '../e2e/world.ts';
import { edition } from './bodies.ts';
import { killed } from './ends.ts';
import { spooled } from './place.ts';
import { dice, full } from './rounds.ts';

const KILLS = full ? 100 : 2;
const DAYS = 3;
/** What is written ahead of a commit, which takes more rows, is reliability 2's. */
const ROWS = full ? 15_000 : 5_000;

test('SIGKILL at any instant of a run leaves every key whole after one plain run (reliability 1)', {
  timeout: full ? 600_000 : 60_000,
}, async () => {
  const thrown = dice();
  let body = edition(0, ROWS);
  await using w = await world({ body: () => body }, { job: `window: { grain: day, lookback: ${DAYS} }` });
  let took = await runTakes(w);
  const fell = new Map<string, number>();
  let n = 0;
  for (let hits = 0; hits < KILLS && n < 4 * KILLS; ) {
    n += 1;
    body = edition(n, ROWS);
    const run = w.start('run', 'j', '--log-level', 'debug');
    const ended = run.ended.then(() => performance.now());
    // One in ten falls on a process that has not planned yet.
    if (n % 10 !== 0) await run.said('"event":"run.planned"');
    const planned = performance.now();
    await pause(thrown.throw() * took);
    const atWork = await killed(run);
    if (atWork) hits += 1;
    else took = Math.min(took, (await ended) - planned);
    const last = atWork ? lastEvent((await run.ended).stderr) : 'its end';
    fell.set(last, (fell.get(last) ?? 0) + 1);

    const figures = `seed ${thrown.seed}, kill ${n}, after ${last}`;
    expect((await w.run('run', 'j')).exit, figures).toBe(0);
    expect(await w.broken(), figures).toEqual([]);
    expect(await w.query('SELECT messages_total, count(*) FROM t GROUP BY ALL'), figures).toEqual([
      [String(n), String(DAYS * ROWS)],
    ]);
    expect(spooled(w), figures).toEqual([]);
  }
  console.log(`seed ${thrown.seed}, ${n} kills within ${took.toFixed(0)} ms, after:`, Object.fromEntries(fell));
  expect(n - (fell.get('its end') ?? 0)).toBe(KILLS);
});

/** Milliseconds from the plan to the end of a run that nobody disturbs. */
async function runTakes(w: World): Promise<number> {
  const run = w.start('run', 'j', '--log-level', 'debug');
  await run.said('"event":"run.planned"');
  const planned = performance.now();
  await run.ended;
  return performance.now() - planned;
}

function lastEvent(stderr: string): string {
  return [...stderr.matchAll(/"event":"([a-z.]+)"/g)].at(-1)?.[1] ?? 'no event';
}
