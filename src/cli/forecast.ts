import type { Plan, SourceKey } from '../core/words.ts';
import { count, counted, duration } from './phrases.ts';

/** `365 periods, 0 loaded, 365 requests, about 23 min, 8 at once` */
export function forecastInWords({ periods, upToDate, forecast }: Plan): string {
  return [
    counted(periods.length, 'period'),
    `${count(upToDate)} loaded`,
    counted(forecast.requests, 'request'),
    `about ${duration(forecast.duration)}`,
    `${forecast.concurrency} at once`,
  ].join(', ');
}

/** Milliseconds that all plans together will take: one source's plans wait for one another, sources do not. */
export function waitingTime(plans: readonly Plan[]): number {
  return longestSource(plans, (plan) => plan.forecast.duration);
}

/** Milliseconds that the sources' rates alone make the plans take, however fast the answers come. */
export function paceTime(plans: readonly Plan[]): number {
  return longestSource(plans, ({ source, forecast }) =>
    source.rate === undefined ? 0 : (forecast.requests / source.rate.requests) * source.rate.window,
  );
}

function longestSource(plans: readonly Plan[], time: (plan: Plan) => number): number {
  const bySource = new Map<SourceKey, number>();
  for (const plan of plans) bySource.set(plan.source.key, (bySource.get(plan.source.key) ?? 0) + time(plan));
  return Math.max(0, ...bySource.values());
}
