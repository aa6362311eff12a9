import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compileProgram, type Outcome, runProgram } from '../../test/program.js';
import { createPhantomDataset } from '../data/phantom/dataset.js';

const root = mkdtempSync(join(tmpdir(), 'graft-cli-trial-'));
beforeAll(async () => {
  await compileProgram();
  await createPhantomDataset(join(root, 'phantoms'), { count: 200, sizePx: 16, prevalence: 0.3, seed: 4 });
  writeFileSync(
    join(root, 'trial.yaml'),
    [
      'kind: trial',
      'name: small',
      'data: phantoms',
      'folds: 2',
      'arms: [real, real+standard, real+standard+focal, real+standard+synthetic]',
      'sweep: { realFraction: [0.25] }',
    ].join('\n'),
  );
}, 120_000);
afterAll(() => rmSync(root, { recursive: true, force: true }));

const graft = (...args: string[]): Outcome => runProgram(['trial', ...args], { cwd: root });

describe('graft trial plan', () => {
  test('says what will be run, compared and seen, and runs nothing', () => {
    const { status, stdout } = graft('plan', 'trial.yaml', '--no-measure', '--json');
    expect(status).toBe(0);
    const plan = JSON.parse(stdout);
    expect(plan.jobs.filter((job: { kind: string }) => job.kind === 'classifier')).toHaveLength(8 * 3 * 2);
    expect(plan.comparisons).toContainEqual({
      arm: 'real+standard+synthetic',
      baseline: 'real+standard',
      question: 'adds',
      role: 'primary',
    });
    expect(plan.images[0]).toMatchObject({ arm: 'real', synthetic: 0 });
    expect(plan.power).toMatchObject({ folds: 2, seeds: 3, margin: 0.02 });
    expect(existsSync(join(root, 'runs'))).toBe(false);
    const { stdout: text } = graft('plan', 'trial.yaml', '--no-measure', '--auc', '0.9');
    expect(text).toContain('small: 8 arms × 3 seeds × 2 folds: 48 classifiers, 4 GANs');
    expect(text).toContain('test AUC: 0.9 (given)');
  });

  test.each([
    [['--set', 'arms=[real, sythetic]'], "'sythetic' is no part"],
    [['--set', 'fold=3'], 'fold: unknown key (did you mean "folds"?)'],
    [['--set', 'external={other: phantoms}'], 'of its images are training or validation images'],
    [['--set', 'gans={sngan: {run: nowhere}}'], 'nowhere: not a run folder'],
    [['--data', 'nowhere'], 'nowhere is no dataset'],
    [['--pilot', 'nowhere'], 'nowhere: not a run folder'],
  ])('%j: one line that says what is wrong', (args, message) => {
    const { status, stderr } = graft('plan', 'trial.yaml', '--no-measure', ...args);
    expect(status).not.toBe(0);
    expect(stderr).toContain(message);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });
});

describe('graft trial run', () => {
  test.each([
    [['--set', 'arms=[real, real]'], 'one and the same'],
    [['--store', 's3://bucket/small'], '--store: goes with --executor queue'],
    [['--store', 's3://bucket', '--executor', 'queue'], 'expected s3://BUCKET/FOLDER'],
  ])('%j: refused before a folder is made', (args, message) => {
    const { status, stderr } = graft('run', 'trial.yaml', ...args, '--out', 'refused');
    expect([status, stderr]).toEqual([2, expect.stringContaining(message)]);
    expect(existsSync(join(root, 'refused'))).toBe(false);
  });

  test('of one tiny arm: report, status, exports, manifest', () => {
    const classifier = '{set: {imageSize: 32, steps: 2, batchSize: 8, evaluateEvery: 1, warmupSteps: 0}}';
    const set = [
      'arms=[real, real+standard]',
      'folds=1',
      'seeds=[0, 1]',
      `classifier=${classifier}`,
      'sweep={}',
    ];
    const sets = set.flatMap((one) => ['--set', one]);
    const run = graft(
      'run',
      'trial.yaml',
      ...sets,
      '--threads',
      '1',
      '--jobs',
      '2',
      '--out',
      'tiny',
      '--json',
    );
    expect(run.stderr).not.toContain('graft:');
    expect(run.status).toBe(0);
    const result = JSON.parse(run.stdout);
    expect(result.verdict.kind).toBe('not-asked');
    expect(readFileSync(join(root, result.report), 'utf8')).toContain('small');

    const status = JSON.parse(graft('status', 'tiny', '--json').stdout);
    expect(status).toMatchObject({ status: 'finished', jobs: 5, counts: { done: 5 } });
    const board = graft('status', 'tiny').stdout;
    expect(board).toContain('trial: 5 of 5 jobs');
    expect(board).toContain('tiny has finished; its verdict: graft trial report tiny');
    expect(board).not.toContain('so far');

    const exported = JSON.parse(graft('export', 'tiny', '--tensorboard', 'curves', '--json').stdout);
    expect(exported.tensorboard.scalars).toBeGreaterThan(10);
    expect(graft('export', 'tiny').stderr).toContain('say where to: --tensorboard <dir> or --mlflow <url>');

    const slurm = graft(
      'resume',
      'tiny',
      '--executor',
      'slurm',
      '--workers',
      '3',
      '--partition',
      'gpu',
      '--dry-run',
    );
    expect(slurm.stdout).toMatch(/^sbatch .*--array=0-2 .*--partition=gpu/);
    const kubernetes = graft('resume', 'tiny', '--executor', 'kubernetes', '--dry-run');
    expect([kubernetes.status, kubernetes.stderr]).toEqual([
      2,
      expect.stringContaining('needs --image, --claim and --mount'),
    ]);
    expect(graft('resume', 'tiny').stderr).toContain('has finished');
  }, 120_000);
});

test('graft trial calibrate: a design of one’s own', () => {
  const { status, stdout } = graft(
    'calibrate',
    '--seeds',
    '2',
    '--repetitions',
    '10',
    '--test-images',
    '60',
    '--json',
  );
  expect(status).toBe(0);
  const [row] = JSON.parse(stdout).rows;
  expect(row).toMatchObject({ design: { folds: 1, seeds: 2, testImages: 60 }, falseClaims: { of: 10 } });
});

test('graft trial work and job: what is not there', () => {
  expect(graft('work', 'nowhere').stderr).toContain('nowhere: not a run folder');
  expect(graft('job', 'tiny', 'runs/none').stderr).toContain("tiny: has no job 'runs/none'");
});
