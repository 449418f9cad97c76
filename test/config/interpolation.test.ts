import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { acmeOf, folder, frame, jobOf, load, refusal } from './frame.ts';

describe('variables are put into values, never into YAML (case e06)', () => {
  const PW = 'pa$$w${HOME}rd:#1 "x';

  test('a value is one text whatever it holds, and is not looked at again', () => {
    const config = load(frame({ description: '${PW}' }).replace('api_key: k', 'api_key: "${PW}"'), {
      PW,
      HOME: '/root',
    });
    expect(config.jobs[0]?.description).toBe(PW);
    expect(acmeOf(config).apiKey.reveal()).toBe(PW);
  });

  test('no second key comes out of a line end', () => {
    const job = jobOf(frame({ description: '${MULTI}' }), { MULTI: 'a\nenabled: false' });
    expect([job.description, job.enabled]).toEqual(['a\nenabled: false', true]);
  });

  test('several stand in one text, and a default may hold colons', () => {
    const text = frame().replace('"http://127.0.0.1:8787"', '"http://${HOST:-127.0.0.1:80}/${EMPTY}x"');
    expect(acmeOf(load(text, { EMPTY: '' })).baseUrl).toBe('http://127.0.0.1:80/x');
  });

  test('$5 is itself, $${ a literal ${, and comments and keys are left alone', () => {
    const job = jobOf(frame({ description: '"costs $5 and $${PW}" # ${NOT_SET}' }));
    expect(job.description).toBe('costs $5 and ${PW}');
    expect(refusal(frame({ '${PW}': '1' })).lines[0]).toContain('unknown key ${PW}');
  });

  test.each([
    ['${PW', '13:18: ${ without its }'],
    ['"a ${PW"', '13:21: ${ without its }'],
    ['${A:-${B}}', '13:18: ${…} do not nest'],
    ['${A-b}', '13:18: this is no ${NAME}, ${NAME:-default} or ${file:/path}'],
    ['${}', '13:18: this is no ${NAME}'],
  ])('%s is an error with its column', (description, expected) => {
    expect(refusal(frame({ description })).lines[0]).toContain(`e.yaml:${expected}`);
  });

  test('a default stands in for an empty variable too', () => {
    expect(jobOf(frame({ description: '${A:-x}' }), { A: '' }).description).toBe('x');
  });

  test('any text survives byte for byte', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        fc.constantFrom('${V}', '"${V}"', "'${V}'", '"<${V}>"'),
        (value, written) => {
          // A line end at the end is not meant, and an environment holds no NUL.
          const plain = value.replace(/^\uFEFF/, '').replace(/[\r\n]+$/, '');
          const job = jobOf(frame({ description: written }), { V: value });
          expect(job.description).toBe(written.includes('<') ? `<${plain}>` : plain);
          expect([job.name, job.enabled, job.table.name]).toEqual(['j', true, 't']);
        },
      ),
    );
  });

  test('text around a reference survives, however it is quoted', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (before, after) => {
        const literal = (text: string) => text.split('${').join('$${');
        const written = JSON.stringify(`${literal(before)} \${V} ${literal(after)}`);
        expect(jobOf(frame({ description: written }), { V: 'v' }).description).toBe(`${before} v ${after}`);
      }),
    );
  });

  test('a number or true/false may come whole from a variable; a list or a map never', () => {
    const job = jobOf(frame({ max_periods_per_run: '${N}', enabled: '${ON}', expect: '{ max_shrink: "${S}" }' }), {
      N: '7',
      ON: 'false',
      S: '0.5',
    });
    expect(job).toMatchObject({ maxPeriodsPerRun: 7, enabled: false, expect: { maxShrink: 0.5 } });
    expect(refusal(frame({ columns: '${C}' }), { C: '{ drop: [email] }' }).lines).toEqual([
      'e.yaml:13:14: columns: a map expected, what ${C} holds was read: lists and maps never come from a variable',
    ]);
    expect(refusal(frame({ max_periods_per_run: '${N}' }), { N: '1e3' }).lines[0]).toContain('a number expected');
  });

  test('what a variable holds is never in a message', () => {
    const env = { V: 'hunter2-hunter2' };
    for (const key of [
      'table',
      'timezone',
      'schedule',
      'source',
      'destination',
      'data_type',
      'enabled',
      'window',
      'columns',
    ]) {
      expect(refusal(frame({ [key]: '${V}' }), env).text, key).not.toContain('hunter2');
    }
  });
});

describe('a variable is needed only by what is used', () => {
  const text = `${frame({ description: '${FOR_J}' })}  other: { source: acme, data_type: agents, destination: local, window: yesterday }\n`;

  test('need names file, line, column and name; jobs that do without it run', () => {
    const config = load(text);
    const [j, other] = config.jobs;
    if (j === undefined || other === undefined) throw new Error('two jobs expected');
    config.need([other]);
    expect(() => config.need([j])).toThrow(/e\.yaml:13:18: variable FOR_J is not set/);
  });

  test('validate needs all of them, and --no-env none', () => {
    expect(refusal(text, {}, true).lines).toHaveLength(1);
    expect(load(text).jobs).toHaveLength(2);
  });

  test('a stand-in for an unset variable is held against nothing', () => {
    const keys = {
      source: '${A}',
      destination: '${B}',
      timezone: '${C}',
      table: '${D}',
      group_by: '${E}',
      window: '${F}',
    };
    const config = load(`${frame({ ...keys, schedule: '{ cron: "${G}" }', enabled: '${H}', hash_key: '${I}' })}`);
    expect(config.jobs).toHaveLength(1);
    expect(() => config.need(config.jobs)).toThrow(/A is not set.*B is not set.*H is not set/s);
  });

  test('variables of its source, its destination and the daemon count as used', () => {
    const around = frame().replace('api_key: k', 'api_key: "${K}"').replace('./out.duckdb', '"${P}"');
    const config = load(`${around}daemon: { spool_dir: "\${S}" }\n`);
    expect(() => config.need(config.jobs)).toThrow(/K is not set.*P is not set.*S is not set/s);
  });
});

describe('secrets (case e07)', () => {
  const withKey = (api_key: string) => frame().replace('api_key: k', `api_key: "${api_key}"`);

  test.each([
    ['one line end', 'key\n'],
    ['a Windows line end', 'key\r\n'],
    ['two line ends', 'key\n\n'],
    ['a byte order mark', '\uFEFFkey\n'],
  ])('from a file with %s the key is the key', (_, content) => {
    expect(acmeOf(load({ 'e.yaml': withKey('${file:k}'), k: content })).apiKey.reveal()).toBe('key');
  });

  test('so it is from a variable', () => {
    expect(acmeOf(load(withKey('${K}'), { K: 'key\n' })).apiKey.reveal()).toBe('key');
  });

  test('a blank at its end is refused without showing the key', () => {
    const { lines, text } = refusal({ 'e.yaml': withKey('${file:k}'), k: 'hush-hush \n' });
    expect(lines[0]).toContain(
      'api_key: printable ASCII text without blanks or line ends around it expected, what ${file:k} holds was read',
    );
    expect(text).not.toContain('hush');
  });

  test('an empty one is refused, and its file named', () => {
    const { lines } = refusal({ 'e.yaml': withKey('${file:k}'), k: '\n' }, {}, true);
    expect(lines[0]).toContain('api_key: file k is empty');
  });

  test('a file that is not there is named', () => {
    const { lines } = refusal(withKey('${file:/nowhere/k}'), {}, true);
    expect(lines[0]).toContain('file /nowhere/k cannot be read: there is no such file or folder');
  });

  test('a file may be one that only its owner reads, and its path is relative to the YAML file', () => {
    using there = folder({ 'jobs/e.yaml': withKey('${file:../secrets/k}'), 'secrets/k': 'key\n' });
    chmodSync(join(there.path, 'secrets/k'), 0o400);
    expect(acmeOf(loadConfig(there.path, { env: {} })).apiKey.reveal()).toBe('key');
  });

  test('all that were read are known for redaction', () => {
    using there = folder({ 'e.yaml': frame({ description: '${file:note}', hash_key: 'a literal hash key' }) });
    writeFileSync(join(there.path, 'note'), 'from a file');
    const secrets = loadConfig(there.path, { env: {} })
      .secrets()
      .map((secret) => secret.reveal());
    expect(secrets.sort()).toEqual(['a literal hash key', 'from a file', 'k']);
  });

  test('an excerpt shows none that is written out', () => {
    const text = frame({ hash_key: 'literal-hash-key', hash_kee: 'x' }).replace(
      'api_key: k',
      'api_key: literal-api-key, foo: 1',
    );
    const shown = refusal(text).text;
    expect(shown).toContain('unknown key foo');
    expect(shown).not.toMatch(/literal-(api|hash)-key/);
    expect(JSON.stringify(load(frame({ hash_key: 'literal-hash-key' })).jobs)).not.toContain('literal-hash-key');
  });

  test('user name and password of a URL are refused and not shown', () => {
    const { lines, text } = refusal(frame().replace('http://127.0.0.1', 'http://me:hush-hush@127.0.0.1'));
    expect(lines[0]).toContain('base_url: a URL without user name, password');
    expect(text).not.toContain('hush');
  });
});
