/** The examples of a metric and of a classifier of one's own, as their user runs them: compiled, by the package's name. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { packageRoot } from '../src/base/index.js';
import { readClassifierConfig } from '../src/classify/index.js';
import { createPhantomDataset } from '../src/data/phantom/index.js';
import { compileProgram, runProgram } from './program.js';

const folder = mkdtempSync(join(tmpdir(), 'graft-examples-'));
const example = (name: string): string => join(packageRoot(), 'dist', 'examples', `${name}.js`);
const source = (name: string): string[] =>
  readFileSync(join(packageRoot(), 'examples', `${name}.ts`), 'utf8')
    .trimEnd()
    .split('\n');
const run = (name: string, ...args: string[]) => runProgram(args, { cwd: folder, script: example(name) });

beforeAll(compileProgram);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('a metric: blurred images fall beyond the floor', () => {
  expect(source('my-metric').length).toBeLessThanOrEqual(40);
  const { status, stdout, stderr } = run('my-metric');
  expect([status, stderr]).toEqual([0, '']);
  const { value, floor, interval } = JSON.parse(stdout);
  expect(interval[0]).toBeGreaterThan(floor.interval[1]);
  expect(value).toBeGreaterThan(0);
});

test('a classifier in a trial, and by the command line’s --module', async () => {
  expect(source('my-classifier').length).toBeLessThanOrEqual(100);
  const { status, stdout } = run('my-classifier', join(folder, 'mine'));
  expect(status).toBe(0);
  expect(stdout).toMatch(
    /^real: AUC 0\.\d+\nreal\+standard: AUC 0\.\d+\nThis trial has no arm with synthetic/,
  );
  const job = readClassifierConfig(join(folder, 'mine', 'trial', 'runs', 'fold-1', 'real', 'seed-0'));
  expect(job).toMatchObject({ module: example('my-classifier'), own: ['network'], moduleFitted: [] });

  await createPhantomDataset(join(folder, 'data'), { count: 120, sizePx: 64, prevalence: 0.3, seed: 2 });
  const sets = ['imageSize=32', 'steps=4', 'batchSize=8', 'warmupSteps=1'].flatMap((set) => ['--set', set]);
  const graft = (...args: string[]) => runProgram([...args, '--quiet'], { cwd: folder });
  const trained = graft(
    'classify',
    'train',
    '--data',
    'data',
    '--module',
    example('my-classifier'),
    ...sets,
    '--out',
    'run',
  );
  expect([trained.status, trained.stderr]).toEqual([0, '']);
  expect(trained.stdout).toContain('Trained the network of my-classifier.js for 4 steps');
  // The run folder names a program: it may have come from somebody else.
  expect(graft('classify', 'evaluate', 'run', '--fresh').stderr).toMatch(
    /my-classifier\.js: a module .*--trust-code/,
  );
  expect(graft('classify', 'evaluate', 'run', '--fresh', '--trust-code').stdout).toMatch(/^AUC 0\.\d+/m);
  expect(
    graft('classify', 'explain', 'run', '--trust-code', '--count', '2', '--scored', '2', '--steps', '2')
      .stdout,
  ).toContain('Grad-CAM at stage 1');
  const missing = graft('classify', 'train', '--data', 'data', '--module', 'no.js', '--out', 'other');
  expect([missing.status, missing.stderr]).toEqual([
    2,
    expect.stringContaining('no.js: there is no such module'),
  ]);
}, 240_000);
