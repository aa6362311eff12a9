/** Runs reopened from another folder, after a move, and where their dataset has gone elsewhere. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { compileProgram, program, programEnvironment } from '../../test/program.js';
import { shellQuote } from '../base/command-line.js';
import { createPhantomDataset } from '../data/phantom/dataset.js';
import { tinyConfig } from '../generate/adversarial/tiny.test-data.js';
import { trainGan } from '../generate/adversarial/train.js';
import { neverInterrupted } from '../run/interrupt.js';
import { createRun, readRun } from '../run/run-folder.js';
import { register as registerClassify } from './classify.js';
import { register as registerGan } from './generator.js';
import { inProcess } from './in-process.test-data.js';

const home = process.cwd();
const dir = mkdtempSync(join(tmpdir(), 'graft places '));
const tree = join(dir, 'tree');
const classify = inProcess('classify', registerClassify);
const gan = inProcess('generator', registerGan);

beforeAll(async () => {
  await compileProgram();
  mkdirSync(tree);
  process.chdir(tree);
  await createPhantomDataset('data', { count: 100, sizePx: 32, seed: 3, prevalence: 0.4 });
  await createPhantomDataset('other', { count: 100, sizePx: 32, seed: 4, prevalence: 0.4 });
  const sets = ['imageSize=32', 'steps=2', 'warmupSteps=0', 'evaluateEvery=2', 'batchSize=8'];
  await classify(
    ...['train', '--data', 'data', '--out', 'runs/classifier'],
    ...sets.flatMap((set) => ['--set', set]),
  );
  await stoppedGan('runs/gan');
});
afterEach(() => {
  vi.restoreAllMocks();
  process.chdir(home);
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** Stopped after its first step of two. */
async function stoppedGan(path: string): Promise<void> {
  const config = tinyConfig('data', { steps: 2, monitorEvery: 0 });
  const { hash: dataHash } = await import('../data/dataset/dataset.js').then((data) =>
    data.openDataset('data'),
  );
  const run = createRun(path, { kind: 'gan', config, dataHash });
  const interrupt = { ...neverInterrupted, poll: async () => true };
  await trainGan(run, config, { interrupt }).catch(() => {});
  run.close();
}

const scored = async (run: string, ...args: string[]): Promise<string> => {
  const text = await classify('evaluate', run, '--fresh', '--json', '--replicates', '100', ...args);
  return (JSON.parse(text) as { data: string }).data;
};

test('config.yaml has whole paths, the place of its folder, and the dataset’s hash', () => {
  const text = readFileSync(join(tree, 'runs', 'classifier', 'config.yaml'), 'utf8');
  expect(text).toContain(`data: ${join(tree, 'data')}\n`);
  expect(text).toContain(`folder: ${join(tree, 'runs', 'classifier')}\n`);
  expect(text).toMatch(/^dataHash: [0-9a-f]{64}$/m);
});

describe('a run is reopened', () => {
  test('from another working directory', async () => {
    process.chdir(dir);
    expect(await scored('tree/runs/classifier')).toBe(join(tree, 'data'));
    process.chdir(join(tree, 'runs'));
    await classify('explain', 'classifier', '--count', '1', '--scored', '1', '--method', 'grad-cam');
    await gan('resume', 'gan');
    expect(readRun('gan').status).toBe('finished');
  });

  test('by the commands that training printed, pasted into a shell', async () => {
    process.chdir(tree);
    const sets = ['imageSize=32', 'steps=1', 'warmupSteps=0', 'batchSize=8'].flatMap((set) => ['--set', set]);
    const out = "it's $HOME; & `echo` <x>";
    const printed = await classify('train', '--data', 'data', '--out', out, ...sets);
    const next = /^Next: (graft classify evaluate .*)$/m.exec(printed)![1]!;
    const script = `graft() { ${shellQuote(process.execPath)} ${shellQuote(program)} "$@"; }\n${next} --json --replicates 100`;
    const answer = execFileSync('sh', ['-c', script], { encoding: 'utf8', env: programEnvironment() });
    expect((JSON.parse(answer) as { run: string }).run).toBe(out);
  });

  test('after a move together with its dataset', async () => {
    process.chdir(dir);
    renameSync(tree, 'moved');
    try {
      expect(await scored('moved/runs/classifier')).toBe(join(dir, 'moved', 'data'));
      await classify('card', 'moved/runs/classifier', '--out', 'card.md');
      expect(readFileSync('card.md', 'utf8')).toContain('Groups: by image; no group');
    } finally {
      renameSync('moved', tree);
    }
  });

  test('after a move of its own', async () => {
    cpSync(join(tree, 'runs', 'classifier'), join(dir, 'deep', 'er', 'classifier'), { recursive: true });
    expect(await scored(join(dir, 'deep', 'er', 'classifier'))).toBe(join(tree, 'data'));
  });

  test('with --data where its dataset has gone elsewhere, and with no other one', async () => {
    process.chdir(tree);
    await stoppedGan('runs/stopped');
    renameSync('data', join(dir, 'elsewhere'));
    try {
      await expect(scored('runs/classifier')).rejects.toThrow(
        /^\S.*data: the dataset of runs\/classifier is not there; say where it is with --data$/,
      );
      await expect(gan('resume', 'runs/stopped')).rejects.toThrow(
        /is not there; say where it is with --data/,
      );
      await expect(gan('resume', 'runs/stopped', '--data', 'other')).rejects.toThrow(
        /^other: is not the dataset that runs\/stopped was begun on \(.* hash [0-9a-f]{12}, was [0-9a-f]{12}\)/,
      );
      await expect(classify('card', 'runs/classifier', '--data', 'other')).rejects.toThrow(
        /is not the dataset/,
      );
      const elsewhere = join('..', 'elsewhere');
      expect(await scored('runs/classifier', '--data', elsewhere)).toBe(elsewhere);
      await gan('resume', 'runs/stopped', '--data', elsewhere);
      expect(readRun('runs/stopped')).toMatchObject({
        status: 'finished',
        config: { data: join(dir, 'elsewhere') },
      });
    } finally {
      renameSync(join(dir, 'elsewhere'), 'data');
    }
  });
});
