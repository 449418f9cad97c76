import { existsSync, readFileSync } from 'node:fs';

/** `node count.ts REPORT EXIT_CODE`: prints `N passed, N failed` for one vitest JSON report. */
interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly testResults: readonly { readonly status: string; readonly assertionResults: readonly unknown[] }[];
}

const [path = '', code = '1'] = process.argv.slice(2);
const report = existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Report) : undefined;
const passed = report?.numPassedTests ?? 0;
// A file that fails before its first test is no failed test to vitest.
const unloaded =
  report?.testResults.filter((file) => file.status === 'failed' && file.assertionResults.length === 0) ?? [];
let failed = (report?.numFailedTests ?? 0) + unloaded.length;
if (failed === 0 && (code !== '0' || passed === 0)) failed = 1;
console.log(`${passed} passed, ${failed} failed`);
