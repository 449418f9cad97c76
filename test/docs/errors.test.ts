import { expect, test } from 'vitest';
import { ERROR_CODES } from '../../src/core/errors.ts';

test('docs/errors.md lists every error code with its meaning (vitest -u writes it)', async () => {
  const cures = {
    time: 'by itself: the next tick tries again',
    person: 'by a person: until then it is tried once a day',
  };
  const rows = Object.entries(ERROR_CODES).map(
    ([code, { means, cure }]) => `| \`${code}\` | ${means} | ${cures[cure]} |`,
  );
  const page = [
    '# Error codes',
    '',
    'Every error says what failed, which value and what to do next; its code is stable, and stands in `--output json`,',
    'in the log and in the column `error_code` of the ledger.',
    '',
    '| code | means | heals |',
    '| --- | --- | --- |',
    ...rows,
    '',
  ].join('\n');
  await expect(page).toMatchFileSnapshot('../../docs/errors.md');
});
