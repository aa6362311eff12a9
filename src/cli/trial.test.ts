import { createHash } from 'node:crypto';
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
      'withoutBalance: focal loss stands in its place',
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

    const { checklists } = JSON.parse(graft('checklist', 'tiny', '--guideline', 'claim', '--json').stdout);
    expect(checklists[0].counts.filled).toBeGreaterThan(10);
    const shared = graft('report', 'tiny', '--no-pictures', '--out', 'shared', '--json');
    expect(readFileSync(join(root, JSON.parse(shared.stdout).report), 'utf8')).toContain(
      'figure-participants',
    );

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

test('graft trial calibrate: which nulls there are, and a design of one’s own', () => {
  expect(graft('calibrate', '--list').stdout).toContain('one patient has 60 of the 75 positives of a fold');
  const design = ['--folds', '1', '--seeds', '2', '--each', 'trial'];
  const { status, stdout } = graft(
    'calibrate',
    '--scenario',
    'small-10-95',
    ...design,
    '--repetitions',
    '10',
    '--json',
  );
  expect(status).toBe(0);
  const [row] = JSON.parse(stdout).rows;
  expect(row).toMatchObject({
    scenario: 'small-10-95',
    design: { folds: 1, seeds: 2, each: 'trial' },
    generators: 1,
    falseClaims: { count: 0, of: 10 },
  });
  expect(graft('calibrate', '--scenario', 'nothing').stderr).toContain("no scenario 'nothing'");
});

test('graft trial work and job: what is not there', () => {
  expect(graft('work', 'nowhere').stderr).toContain('nowhere: not a run folder');
  expect(graft('job', 'tiny', 'runs/none').stderr).toContain("tiny: has no job 'runs/none'");
});

describe('graft trial register', () => {
  const tiny = [
    'arms=[real, real+standard]',
    'folds=1',
    'seeds=[0, 1]',
    'classifier={set: {imageSize: 32, steps: 2, batchSize: 8, evaluateEvery: 1, warmupSteps: 0}}',
    'sweep={}',
  ].flatMap((one) => ['--set', one]);
  const reason = 'less than two readers differ by';
  const registered = (...args: string[]) => graft('register', 'trial.yaml', ...tiny, ...args);

  test('asks why the margin is what it is', () => {
    const { status, stderr } = registered();
    expect([status, stderr]).toEqual([2, expect.stringContaining('say why a difference in AUC below 0.02')]);
    expect(stderr).toContain('--margin-reason');
    expect(existsSync(join(root, 'registration.json'))).toBe(false);
  });

  test('refuses what `run` would refuse', () => {
    const { stderr } = registered('--margin-reason', reason, '--set', 'external={other: phantoms}');
    expect(stderr).toContain('of its images are training or validation images');
    expect(existsSync(join(root, 'registration.json'))).toBe(false);
  });

  test('writes the plan once; the run is held to it, and its report says so', () => {
    const first = registered('--margin-reason', reason, '--json');
    expect([first.status, first.stderr]).toEqual([0, '']);
    const { sha256, plan } = JSON.parse(first.stdout);
    const text = readFileSync(join(root, 'registration.json'));
    expect(createHash('sha256').update(text).digest('hex')).toBe(sha256);
    expect(plan).toMatchObject({ margin: 0.02, marginReason: reason, seeds: [0, 1], level: 0.95 });
    // Registered again, it keeps its date; another plan is not written over it.
    expect(JSON.parse(registered('--margin-reason', reason, '--json').stdout)).toMatchObject({
      sha256,
      unchanged: true,
    });
    expect(registered('--margin-reason', 'another').stderr).toContain(
      'holds the registration of another plan',
    );
    expect(readFileSync(join(root, 'registration.json'))).toEqual(text);

    const run = (out: string, ...args: string[]) =>
      graft('run', 'trial.yaml', ...tiny, ...['--threads', '1', '--jobs', '2', '--out', out], ...args);
    const held = ['--registration', 'registration.json'];
    const other = run('other', ...held, '--set', 'equivalenceMargin=0.05');
    expect([other.status, other.stderr]).toEqual([2, expect.stringContaining('margin: was 0.02, is 0.05')]);
    expect(run('other', '--deviation', 'x').stderr).toContain('give it with --registration');
    expect(existsSync(join(root, 'other'))).toBe(false);

    const { status, stdout } = run('held', ...held);
    expect(status).toBe(0);
    const said = new RegExp(`Registered on .*, before the trial began: SHA-256 ${sha256}; no deviations\\.`);
    expect(stdout).toMatch(said);
    const again = graft('report', 'held');
    expect(again.stdout).toMatch(said);
    const markdown = readFileSync(join(root, 'held', 'report', 'report.md'), 'utf8');
    expect(markdown).toMatch(said);
    expect(JSON.parse(graft('report', 'held', '--json').stdout).registration).toMatchObject({
      by: 'register',
      fileHash: sha256,
      marginReason: reason,
      deviations: [],
    });
    expect(readFileSync(join(root, 'held', 'registration.json'))).toEqual(text);
    // A file that a run wrote shows nothing of the time before it.
    const own = join(root, 'own.json');
    writeFileSync(own, String(text).replace('"by": "register"', '"by": "run"'));
    expect(run('other', '--registration', own).stderr).toContain('was written by a trial that began');

    const summary = join(root, 'held', 'summary.json');
    writeFileSync(
      summary,
      readFileSync(summary, 'utf8').replace('"equivalenceMargin": 0.02', '"equivalenceMargin": 0.05'),
    );
    const edited = graft('report', 'held');
    expect([edited.status, edited.stderr]).toEqual([
      2,
      expect.stringContaining('summary.json: margin: was 0.02, is 0.05'),
    ]);
    expect(graft('report', 'held', '--deviation', ' ').status).toBe(2);
    // The reason was one for another margin.
    const why = graft('report', 'held', '--deviation', 'a reviewer asked');
    expect(why.stdout).toContain('1 deviation from the plan');
    expect(why.stdout).toContain('“a reviewer asked”');
    const paper = readFileSync(join(root, 'held', 'report', 'report.md'), 'utf8');
    expect(paper).toContain(
      'Differences within ±0.05 were set (see the deviations from the plan) as too small',
    );
    expect(paper).not.toContain(`(“${reason}”)`);
    expect(markdown).toContain(`(“${reason}”)`);
  }, 120_000);
});
