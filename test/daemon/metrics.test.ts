import { describe, expect, test } from 'vitest';
import { LastSeen } from '../../src/daemon/last-seen.ts';
import { Metrics } from '../../src/daemon/metrics.ts';
import { BY_NINE, Life, locked, shrunk, someConfig, unreachable } from './life.ts';

/** A daemon, and the lines of its metrics whose names begin so, `exportd_` left out. */
function lifeOf(names: readonly string[]) {
  const lastSeen = new LastSeen();
  let life: Life | undefined;
  const metrics = new Metrics(lastSeen, () => life?.now ?? 0);
  life = new Life(
    (event) => {
      lastSeen.tell(event);
      metrics.tell(event);
    },
    '2026-11-24T06:00:00Z',
    someConfig(names, BY_NINE),
  );
  const lines = async (...starts: string[]) => {
    const all = (await metrics.text()).split('\n').map((line) => line.replace('exportd_', ''));
    return all.filter((line) => starts.some((start) => line.startsWith(`${start}{`) || line.startsWith(`${start} `)));
  };
  return { life, lines, metrics };
}

describe('metrics', () => {
  test('count periods by outcome and reason, rows, bytes and errors', async () => {
    const { life, lines } = lifeOf(['j']);
    life.tick('j', ({ date }) => (date === '2026-11-20' ? unreachable : date === '2026-11-21' ? 0 : 60));
    life.at('2026-11-25T06:00:00Z').tick('j', ({ date }) => (date === '2026-11-24' ? shrunk : 60));
    expect(await lines('periods_total')).toEqual([
      'periods_total{job="j",outcome="loaded",reason="missing"} 3',
      'periods_total{job="j",outcome="empty",reason="missing"} 1',
      'periods_total{job="j",outcome="failed",reason="missing"} 1',
      'periods_total{job="j",outcome="held",reason="missing"} 1',
      'periods_total{job="j",outcome="loaded",reason="lookback"} 2',
    ]);
    expect(await lines('rows_total', 'exports_total', 'bytes_total', 'export_seconds_sum')).toEqual([
      'rows_total{job="j"} 300',
      'exports_total{source="acme"} 7',
      'bytes_total{source="acme"} 7000',
      'export_seconds_sum{source="acme"} 3.5',
    ]);
    expect(await lines('period_errors_total')).toEqual([
      'period_errors_total{job="j",code="SOURCE_UNREACHABLE"} 1',
      'period_errors_total{job="j",code="SHRUNK"} 1',
    ]);
  });

  test('say how each job stands now, between plans', async () => {
    const { life, lines } = lifeOf(['j', 'k']);
    life.tick('j');
    const stands = () =>
      lines('job_state', 'job_stale', 'job_newest_closed_age_seconds', 'job_next_tick_timestamp_seconds');
    expect(await stands()).toEqual([
      'job_state{job="j",state="fresh"} 1',
      'job_stale{job="j"} 0',
      `job_newest_closed_age_seconds{job="j"} ${6 * 3600}`,
      `job_next_tick_timestamp_seconds{job="j"} ${Date.parse('2026-11-25T06:00:00Z') / 1000}`,
    ]);
    life.at('2026-11-25T09:00:00Z');
    expect((await stands()).slice(0, 3)).toEqual([
      'job_state{job="j",state="stale"} 1',
      'job_stale{job="j"} 1',
      `job_newest_closed_age_seconds{job="j"} ${33 * 3600}`,
    ]);
    expect(await lines('job_periods')).toContain('job_periods{job="j",kind="missing"} 1');
  });

  test('say what the daemon does and reaches', async () => {
    const { life, lines } = lifeOf(['j', 'k']);
    life.tell({ type: 'job.queued', job: 'j', why: 'tick', tick: life.now });
    life.unplanned('k', locked);
    life.now += 20_000;
    life.tell({ type: 'job.started', job: 'j', why: 'tick', tick: life.now - 20_000 });
    life.look();
    expect(await lines('jobs', 'ready', 'destination_up', 'unplanned_total', 'start_lateness_seconds_sum')).toEqual([
      'unplanned_total{code="DUCKDB_LOCKED"} 1',
      'start_lateness_seconds_sum 20',
      'jobs{activity="idle"} 1',
      'jobs{activity="queued"} 0',
      'jobs{activity="running"} 1',
      'ready 0',
      'destination_up{destination="local"} 0',
    ]);
    expect(await lines('config_info', 'config_broken', 'last_look_timestamp_seconds')).toEqual([
      'config_broken 0',
      `last_look_timestamp_seconds ${life.now / 1000}`,
      'config_info{version="0123456789ab"} 1',
    ]);
  });

  test('have no key and no run in them, and forget jobs that are gone', async () => {
    const { life, lines, metrics } = lifeOf(['j', 'k']);
    life.tick('j', () => unreachable).tick('k');
    expect(await metrics.text()).not.toMatch(/run-\d|2026-11-\d\d|acme\/users/);
    life.load(someConfig(['k']));
    expect((await metrics.text()).split('\n').filter((line) => line.includes('job="j"'))).toEqual([]);
    expect(await lines('rows_total')).toEqual(['rows_total{job="k"} 240']);
  });
});
