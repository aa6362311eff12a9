/**
 * What `npm test` runs after the set-up: format and lint, types, every test. All three run even where one fails.
 *
 *   node scripts/check.mjs [vitest's filters and options]
 *
 * The last line reads `N passed, N failed, N skipped`: the tests, and the two other checks as one each.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compileTypeScript, typeScriptIsCurrent } from './compile.mjs';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const reportPath = join(root, 'build', 'vitest.json');

const checks = [check('format and lint', lint), await checkTypes(), ...runTests(process.argv.slice(2))];
const sum = (key) => checks.reduce((total, counts) => total + counts[key], 0);
const [passed, failed, skipped] = [sum('passed'), sum('failed'), sum('skipped')];
console.log(`\n${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exit(failed > 0 ? 1 : 0);

function lint() {
  return run(['@biomejs', 'biome', 'bin', 'biome'], ['check', '--error-on-warnings', '.']);
}

/** The set-up has compiled tests and all; this finds nothing to do unless a file has changed since. */
async function checkTypes() {
  try {
    if (!typeScriptIsCurrent(root)) await compileTypeScript(root);
    return check('types', () => 0);
  } catch (error) {
    console.log(error instanceof Error ? error.message : error);
    return check('types', () => 1);
  }
}

/** One run of vitest: its summary for people on the terminal, its JSON report for the counts. */
function runTests(args) {
  rmSync(reportPath, { force: true });
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${reportPath}`];
  const status = run(['vitest', 'vitest.mjs'], ['run', ...reporters, ...args]);
  const counts = existsSync(reportPath) ? readCounts() : { passed: 0, failed: 0, skipped: 0 };
  // A worker that died or an error outside every test fails the run without failing a test.
  if (status !== 0 && counts.failed === 0) counts.failed = 1;
  return [counts];
}

function readCounts() {
  const report = JSON.parse(readFileSync(reportPath, 'utf8'));
  // A file that could not even be loaded has failed, but holds no test that did.
  const unloadable = report.testResults.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
  ).length;
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + unloadable,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}

function check(name, work) {
  const ok = work() === 0;
  console.log(`${ok ? '✓' : '✗'} ${name}`);
  return { passed: ok ? 1 : 0, failed: ok ? 0 : 1, skipped: 0 };
}

/** Runs a tool of node_modules to its end and gives its exit status. */
function run(path, args) {
  const script = join(root, 'node_modules', ...path);
  const { status } = spawnSync(process.execPath, [script, ...args], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  return status ?? 1;
}
