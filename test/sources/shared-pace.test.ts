import { expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { openSources, type Paces } from '../../src/open-sources.ts';
import { openSpool } from '../../src/staging/spool.ts';
import { folder, frame } from '../cli/exportd.ts';
import { plainUsage } from '../engines/usage-api/plain-usage.ts';
import { startUsageApi } from '../engines/usage-api.ts';
import { askFor } from './lab.ts';

test('a source that is opened again, as a reload does, keeps its pace: what leaves there counts here', async () => {
  await using api = await startUsageApi({
    keys: { 'the-api-key-of-acme': ['USAGE_EXPORT_API'] },
    rows: plainUsage({ rows: 1 }),
    historyMonths: null,
  });
  using place = folder({ 'exportd.yaml': frame({ url: api.url, source: 'history: null, concurrency: 1' }) });
  await using spool = await openSpool({ directory: place.at('spool'), limit: 1e9, instance: 'lab/00000001' });
  const paces: Paces = new Map();
  const open = () =>
    openSources(loadConfig(place.at('exportd.yaml'), { env: {} }), {
      clock: Date.now,
      concurrency: undefined,
      paces,
      onSlowed: () => () => undefined,
    })('acme');
  await using before = await open();
  await using after = await open();
  const hung = api.fault({ kind: 'hang', match: '2026-11-22' });
  const [one, two] = [spool.file('.body'), spool.file('.body')];
  const signal = new AbortController().signal;
  const first = before.extract(askFor('2026-11-22'), one, signal);
  await api.seen(({ fault }) => fault === 'hang');
  const stop = new AbortController();
  const second = after.extract(askFor('2026-11-23'), two, signal, stop.signal);
  const refused = after.extract(askFor('2026-11-24'), two, signal, stop.signal);
  stop.abort(new Error('no turn came'));
  await expect(second).rejects.toThrow('no turn came');
  await expect(refused).rejects.toThrow('no turn came');
  hung.lift();
  expect(await first).toMatchObject({ kind: 'body' });
  expect(await after.extract(askFor('2026-11-23'), two, signal)).toMatchObject({ kind: 'body' });
  expect(paces.size).toBe(1);
});
