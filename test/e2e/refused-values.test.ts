/** Values that no column can hold as they are: the period fails by name, alone, and nothing of it lands. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type DayBody, daily, day, firstDays } from './days.ts';
import { type Told, type World, world } from './world.ts';

interface Refused {
  readonly promise: string;
  readonly csv?: string;
  readonly json?: string;
  readonly rows?: number;
  readonly code: string;
  /** What the message must say. */
  readonly says: readonly string[];
}

/** A value of messages_total, as CSV and JSON have it, and the shape that a message may show. */
function noInteger(csv: string, json: string, shape: string): Refused {
  return {
    promise: `messages_total ${json}: no integer (case b04)`,
    csv: `user_id,messages_total\nu1,${csv}\n`,
    json: `[{"user_id":"u1","messages_total":${json}}]`,
    code: 'VALUE_MISFIT',
    says: ['column "messages_total", row 1', shape, 'is not exactly an integer'],
  };
}

const noMap = (what: string, csv: string, json: string): Refused => ({
  promise: `a map that ${what} is none`,
  csv: `user_id,model_to_messages_total\nu1,"${csv.replaceAll('"', '""')}"\n`,
  json: `[{"user_id":"u1","model_to_messages_total":${json}}]`,
  code: 'VALUE_MISFIT',
  says: ['column "model_to_messages_total", row 1', 'a JSON object in which no key is named twice'],
});

const REFUSED: readonly Refused[] = [
  noInteger('1.5', '1.5', '3 characters like "9.9"'),
  noInteger('1.4999', '1.4999', '6 characters like "9.9999"'),
  noInteger('1_000', '"1_000"', '5 characters like "9_999"'),
  noInteger('0x10', '"0x10"', '4 characters like "9a99"'),
  noInteger('1.0e-5', '1.0e-5', '6 characters like "9.9a-9"'),
  noInteger('"1,234"', '"1,234"', '5 characters like "9,999"'),
  noInteger('9223372036854775808', '9223372036854775808', '19 characters like "9999999999999999999"'),
  noInteger('true', 'true', '4 characters like "aaaa"'),
  noInteger('NaN', '"NaN"', '3 characters like "aaa"'),
  noInteger(' 1', '" 1"', '2 characters like " 9"'),
  noMap('names a key twice', '{"a":1,"a":2}', '{"a":1,"a":2}'),
  noMap('is a list', '[1]', '[1]'),
  {
    promise: 'a number of more digits than DECIMAL(38,9) has fails',
    csv: `user_id,payg_consumption_in_period\nu0,1\nu1,${'9'.repeat(30)}\n`,
    json: `[{"user_id":"u0","payg_consumption_in_period":1},{"user_id":"u1","payg_consumption_in_period":${'9'.repeat(30)}}]`,
    rows: 2,
    code: 'VALUE_MISFIT',
    says: ['column "payg_consumption_in_period", row 2', 'at most 29 digits before its point'],
  },
  {
    promise: 'a date of somebody shows its length alone',
    csv: 'user_id,joined_at\nu1,born 1980 in Ulm\n',
    json: '[{"user_id":"u1","joined_at":"born 1980 in Ulm"}]',
    code: 'VALUE_MISFIT',
    says: ['column "joined_at", row 1: text of 16 characters is not exactly a date (YYYY-MM-DD)'],
  },
  {
    promise: 'a column twice has no right one to take, and becomes no name_1 (case b10)',
    csv: 'user_id,name,name\nu1,a,b\n',
    code: 'COLUMN_REFUSED',
    says: ['the export has the column "name" twice'],
  },
  {
    promise: 'nor has a column in two spellings (case b10)',
    csv: 'user_id,Name,NAME\nu1,a,b\n',
    code: 'COLUMN_REFUSED',
    says: ['the export has the column "Name" twice, also as "NAME"'],
  },
  {
    promise: 'nor have two keys of a row that differ in case alone (case b10)',
    json: '[{"user_id":"u1","Name":"a","NAME":"b"}]',
    code: 'COLUMN_REFUSED',
    says: ['row 1 has the column "name" twice, in two spellings'],
  },
  {
    promise: 'nor has a key twice in one JSON object (case b21)',
    json: '[{"user_id":"u1","messages_total":1,"messages_total":2}]',
    code: 'VALUE_MISFIT',
    says: ['row 1 of the JSON answer has the key "messages_total" twice'],
  },
  {
    promise: 'a column named like ours is refused, and the way out named',
    csv: 'user_id,_load_id\nu1,mine\n',
    json: '[{"user_id":"u1","_load_id":"mine"}]',
    code: 'COLUMN_REFUSED',
    says: ['"_load_id" would land as _load_id, a name that exportd keeps for itself'],
  },
  {
    promise: 'so is one that becomes ours',
    csv: 'user_id,.EXPORTD.x\nu1,mine\n',
    json: '[{"user_id":"u1",".EXPORTD.x":"mine"}]',
    code: 'COLUMN_REFUSED',
    says: ['".EXPORTD.x" would land as _exportd_x, a name that exportd keeps for itself'],
  },
  {
    promise: 'two columns that become one are refused',
    csv: 'user_id,a.b,a b\nu1,1,2\n',
    json: '[{"user_id":"u1","a.b":1,"a b":2}]',
    code: 'COLUMN_REFUSED',
    says: ['"a.b"', '"a b"', 'would both land as a_b'],
  },
  {
    promise: 'a row with a field too many fails with its number, not with its text',
    csv: 'user_id,name\nu1,Ada\nu2,Mallory,9\n',
    rows: 2,
    code: 'BODY_MALFORMED',
    says: ['has 3 fields in row 2, where the header has 2'],
  },
  {
    promise: 'text behind a closing quote fails with its row',
    csv: 'user_id,name\nu1,"Mallory"x\n',
    code: 'BODY_MALFORMED',
    says: ['has text behind a closing quote in row 1'],
  },
  {
    promise: 'a quote that never ends is a body cut short',
    csv: 'user_id,name\nu1,Ada\nu2,"Mallory\n',
    rows: 2,
    code: 'BODY_SHORT',
    says: ['the CSV ends in a quoted field'],
  },
];

/** Values of the bodies above that no message may show. */
const PERSONAL = ['Mallory', 'Ulm', 'mine'];

describe.each(['csv', 'json'] as const)('from %s', (format) => {
  const cases = REFUSED.flatMap((refused, n) => {
    const text = refused[format];
    return text === undefined ? [] : [{ ...refused, date: day(n), text }];
  });
  const good: DayBody =
    format === 'csv'
      ? { bytes: 'user_id,name\nu1,Ada\n', recordCount: 1 }
      : { bytes: '[{"user_id":"u1","name":"Ada"}]', recordCount: 1 };
  const bodies = new Map(cases.map(({ date, text, rows = 1 }) => [date, { bytes: text, recordCount: rows }]));
  let w: World;
  let run: Told;
  beforeAll(async () => {
    // The first day loads what a refused reload must leave alone; a day behind the last loads beside the refused ones.
    const answers = new Map([[day(0), good]]);
    w = await world(daily(answers), { source: `history: null, format: ${format}` });
    await w.run('run', 'j', ...firstDays(1));
    for (const [date, body] of bodies) answers.set(date, body);
    answers.set(day(REFUSED.length), good);
    run = await w.run('run', 'j', ...firstDays(REFUSED.length + 1));
  });
  afterAll(async () => await w[Symbol.asyncDispose]());

  test.each(cases.map((refused) => [refused.promise, refused] as const))('%s', (_promise, { date, code, says }) => {
    expect(run.periods.get(date)).toEqual({ outcome: 'failed', code });
    for (const words of says) expect(run.errors.get(date)?.message).toContain(words);
    expect(run.errors.get(date)?.hint).toMatch(/\w/);
  });

  test('they fail alone: another day lands, old rows stay, no column comes, and no value is told', async () => {
    expect(run.exit).toBe(1);
    expect(await w.query('SELECT _period_date, user_id, name FROM t ORDER BY 1')).toEqual([
      [day(0), 'u1', 'Ada'],
      [day(REFUSED.length), 'u1', 'Ada'],
    ]);
    expect(await w.query(`SELECT column_name FROM (DESCRIBE t) WHERE column_name ~ 'name_1|a_b|exportd|mine'`)).toEqual(
      [],
    );
    for (const value of PERSONAL) expect(run.said).not.toContain(value);
    expect(await w.broken()).toEqual([]);
  });
});
