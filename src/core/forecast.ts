import type { Forecast, JobSource, PlannedPeriod } from './words.ts';

/** History takes at most this many of a source's requests per window, so that the schedule is never starved. */
export function historyShare(requests: number): number {
  return Math.max(1, Math.floor(requests * 0.8));
}

/**
 * How long a source needs for these requests at least: max(requests ÷ rate, requests × answer time ÷ concurrency), the
 * rate being 80 % for history.
 * @param answerMs median of the source's latest answers; undefined: its typical one
 */
export function forecast(periods: readonly PlannedPeriod[], source: JobSource, answerMs: number | undefined): Forecast {
  const { rate, concurrency } = source;
  const requests = periods.length;
  const history = periods.filter(({ urgency }) => urgency === 'history').length;
  const byAnswers = (requests * (answerMs ?? source.typicalAnswer)) / concurrency;
  const byRate =
    rate === undefined
      ? 0
      : rate.window * ((requests - history) / rate.requests + history / historyShare(rate.requests));
  return { requests, duration: Math.ceil(Math.max(byRate, byAnswers)), concurrency };
}
