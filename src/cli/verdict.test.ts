import { execFileSync, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compileProgram } from '../../test/program.js';
import { packageRoot } from '../base/index.js';
import { snippet } from '../verdict/table/template.js';

const root = mkdtempSync(join(tmpdir(), 'graft-verdict-'));
const home = join(root, 'package');
const scores = join(packageRoot(), 'test', 'goldens', 'verdict-table', 'scores.csv');
const aucs = join(packageRoot(), 'test', 'goldens', 'verdict-table', 'aucs.csv');

/** The program as it lies in a package that nobody built an addon for, on a machine without libtorch. */
beforeAll(async () => {
  await compileProgram();
  mkdirSync(home, { recursive: true });
  cpSync(join(packageRoot(), 'dist', 'src'), join(home, 'dist', 'src'), { recursive: true });
  cpSync(join(packageRoot(), 'package.json'), join(home, 'package.json'));
  symlinkSync(join(packageRoot(), 'node_modules'), join(home, 'node_modules'));
}, 120_000);
afterAll(() => rmSync(root, { recursive: true, force: true }));

function graft(...args: string[]) {
  const { LIBTORCH: _, ...env } = process.env;
  return spawnSync(process.execPath, [join(home, 'dist', 'src', 'cli', 'main.js'), 'verdict', ...args], {
    cwd: root,
    encoding: 'utf8',
    env: { PATH: env.PATH, HOME: root, NO_COLOR: '1' },
  });
}

describe('graft verdict, without libtorch and without the addon', () => {
  it('has no addon to fall back on', () => {
    expect(existsSync(join(home, 'build'))).toBe(false);
  });

  it('prints the arms and the verdict, and says what it assumed', () => {
    const { stdout, stderr, status } = graft(
      scores,
      '--baseline',
      'real',
      '--arm',
      'real+synthetic',
      '--balance-control',
      'real+oversampling',
    );
    expect(stderr).toMatch(/No column for generators/);
    expect(status).toBe(0);
    for (const arm of ['real', 'real+synthetic', 'real+oversampling']) expect(stdout).toContain(`│ ${arm} `);
    expect(stdout).toMatch(/ynthetic images.* 2 folds × 2 seeds on 80 test images/);
    expect(stdout).toContain('real+synthetic against real+oversampling');
  });

  it('writes a report that holds everything, and makes it again over its own files alone', () => {
    const out = join(root, 'report');
    const args = [
      scores,
      '--baseline',
      'real',
      '--arm',
      'real+synthetic',
      '--margin',
      '0.03',
      '--margin-reason',
      'what a reader notices',
      '--out',
      out,
    ];
    const { stdout, status } = graft(...args, '--json', '--quiet');
    expect(status).toBe(0);
    const printed = JSON.parse(stdout);
    expect(printed.report).toBe(join(out, 'report.html'));
    const html = readFileSync(printed.report, 'utf8');
    for (const id of ['result', 'folds', 'calibration', 'table', 'methods', 'limits', 'appendix'])
      expect(html).toContain(`<section id="${id}">`);
    expect(html).toContain('what a reader notices');
    expect(html).toContain('Sensitivity');
    const summary = JSON.parse(readFileSync(join(out, 'summary.json'), 'utf8'));
    expect(summary.format).toBe('graft-verdict-1');
    expect(summary.verdict).toEqual(printed.verdict);
    expect(summary.plan.margin).toBe(0.03);
    expect(readFileSync(join(out, 'report.md'), 'utf8')).toContain(printed.verdict.sentence);
    expect(graft(...args, '--quiet').status).toBe(0);
    const mine = join(root, 'mine');
    mkdirSync(mine);
    writeFileSync(join(mine, 'notes.txt'), 'mine');
    expect(
      graft(scores, '--baseline', 'real', '--arm', 'real+synthetic', '--out', mine, '--quiet').status,
    ).not.toBe(0);
  });

  it('speaks of no synthetic images where there are none', () => {
    const table = readFileSync(scores, 'utf8')
      .replaceAll('real+synthetic', 'mixup')
      .replaceAll('real+oversampling', 'cutmix');
    writeFileSync(join(root, 'recipes.csv'), table);
    const out = join(root, 'recipes');
    const { status, stdout, stderr } = graft(
      'recipes.csv',
      '--no-generator',
      '--baseline',
      'real',
      '--arm',
      'mixup',
      '--out',
      out,
    );
    expect(status).toBe(0);
    const page = readFileSync(join(out, 'report.md'), 'utf8').replace(/^synthetic: false$/m, '');
    for (const text of [stdout, stderr, page]) expect(text).not.toMatch(/synthetic|\bGANs?\b|generator/i);
  });

  it('takes a table of AUCs, and says that test images are in it through the folds alone', () => {
    const out = join(root, 'aucs');
    const { stdout, status } = graft(
      aucs,
      '--baseline',
      'real',
      '--arm',
      'real+gan',
      '--out',
      out,
      '--quiet',
    );
    expect(status).toBe(0);
    expect(stdout).toContain('test images are in it through the folds alone');
    expect(readFileSync(join(out, 'report.html'), 'utf8')).toContain('AUCs instead of scores.');
  });

  it('plans from assumptions, and from a first table', () => {
    const assumed = graft('plan', '--folds', '5', '--seeds', '3', '--positives', '100', '--negatives', '500');
    expect(assumed.status).toBe(0);
    expect(assumed.stdout).toMatch(/5 folds × 3 seeds.* 100 positive and 500 negative test groups/);
    const pilot = graft(
      'plan',
      '--pilot',
      scores,
      '--baseline',
      'real',
      '--arm',
      'real+synthetic',
      '--seeds',
      '5',
      '--json',
    );
    expect(pilot.status).toBe(0);
    expect(JSON.parse(pilot.stdout).power).toMatchObject({ folds: 2, seeds: 5, margin: 0.02 });
    const nothing = graft('plan');
    expect(nothing.status).toBe(2);
    expect(nothing.stderr).toMatch(/--positives and --negatives.*--pilot/);
  });

  it('is held to a plan that was registered; another one needs a reason, and both are told', () => {
    const asked = ['--baseline', 'real', '--arm', 'real+synthetic'];
    const open = graft('register', ...asked);
    expect(open.status).toBe(2);
    expect(open.stderr).toMatch(/--margin-reason, --folds, --seeds, --groups, --generators are missing/);
    const design = ['--folds', '2', '--seeds', '7,11', '--groups', 'yes', '--generators', 'no'];
    const whole = [...asked, ...design, '--margin-reason', 'less than readers differ by'];
    const made = graft('register', ...whole, '--json');
    expect(made.status).toBe(0);
    const { sha256 } = JSON.parse(made.stdout);
    const held = graft(scores, '--registration', 'registration.json', '--json', '--quiet');
    expect(JSON.parse(held.stdout).registration).toMatchObject({
      fileHash: sha256,
      marginReason: 'less than readers differ by',
      deviations: [],
    });
    const other = [scores, '--registration', 'registration.json', '--margin', '0.05'];
    const refused = graft(...other);
    expect(refused.status).toBe(2);
    expect(refused.stderr).toMatch(/not what was registered \(margin: was 0\.02, is 0\.05\).*--deviation/);
    const out = join(root, 'deviated');
    expect(graft(...other, '--deviation', 'a reviewer asked', '--out', out, '--quiet').status).toBe(0);
    for (const text of [sha256, 'margin: was 0.02, is 0.05', 'a reviewer asked'])
      expect(readFileSync(join(out, 'report.md'), 'utf8')).toContain(text);
    expect(graft(scores, ...asked, '--quiet').stdout).toMatch(
      /Not registered: no plan .* before this analysis began/,
    );
    // The golden table is older than the plan.
    expect(readFileSync(join(out, 'report.md'), 'utf8')).toContain('dated after the scores were written');
    const back = graft(scores, '--registration', 'registration.json', '--out', out);
    expect(back.stderr).toMatch(/told of a deviation from this plan; it stays/);
    expect(readFileSync(join(out, 'report.md'), 'utf8')).toContain('a reviewer asked');
    expect(graft(...other, '--deviation', ' ').stderr).toMatch(/--deviation: say why/);
    writeFileSync(
      join(root, 'fewer.csv'),
      readFileSync(scores, 'utf8')
        .split('\n')
        .filter((line) => !/^[^,]*,2,/.test(line))
        .join('\n'),
    );
    expect(graft('fewer.csv', '--registration', 'registration.json').stderr).toMatch(
      /design\.folds: was 2, is 1/,
    );
    expect(graft('register', ...whole, '--groups', 'maybe').stderr).toMatch(/expected yes or no/);
    expect(graft(scores, ...asked, '--deviation', 'why').stderr).toMatch(/--registration/);
  });

  it('reads verdict.yaml; an option stands over it, an unknown key is named', () => {
    writeFileSync(join(root, 'verdict.yaml'), 'baseline: real\narm: real+synthetic\nmargin: 0.04\n');
    const read = graft(scores, '--plan', 'verdict.yaml', '--level', '0.9', '--json', '--quiet');
    expect(JSON.parse(read.stdout).analysis).toMatchObject({ equivalenceMargin: 0.04, level: 0.9 });
    writeFileSync(join(root, 'typo.yaml'), 'basline: real\n');
    const typo = graft(scores, '--plan', 'typo.yaml');
    expect(typo.status).toBe(2);
    expect(typo.stderr).toMatch(/typo\.yaml.*basline.*baseline/);
  });

  it('errors are one line, with 2 for what the user said and 1 for what the table holds', () => {
    for (const [args, status, message] of [
      [[], 2, /graft verdict init/],
      [['none.csv'], 1, /none\.csv: no such file/],
      [[scores, '--baseline', 'rael', '--arm', 'real+synthetic'], 2, /did you mean 'real'\?/],
      [[scores, '--column', 'score'], 2, /expected role=name/],
      [[scores, '--looks', '3,x'], 2, /looks/],
    ] as const) {
      const outcome = graft(...args);
      expect(outcome.stderr).toMatch(message);
      expect(outcome.stderr.trim().split('\n')).toHaveLength(1);
      expect(outcome.status).toBe(status);
    }
  });

  it('init writes a table that is read, a plan that is taken, and a snippet that makes such a table', () => {
    const { status, stdout } = graft('init', '--out', 'start');
    expect(status).toBe(0);
    expect(stdout).toContain(join('start', 'snippet.py'));
    const read = graft(join('start', 'scores.csv'), '--plan', join('start', 'verdict.yaml'), '--quiet');
    expect(read.stderr).toBe('');
    expect(read.stdout).toMatch(/No verdict from a single seed/);
    expect(graft('init', '--out', 'start').status).toBe(2);
    expect(stdout).toContain(`graft verdict ${join('start', 'scores.csv')} --plan`);
    const told = graft(join('start', 'scores.csv'), '--plan', join('start', 'verdict.yaml'));
    expect(told.stderr).toMatch(/scores\.csv is the template/);

    const python = spawnSync('python3', ['--version']);
    if (python.status !== 0) return;
    const calls = `
import random
random.seed(3)
for arm, gain in (("real", .5), ("real+synthetic", .7)):
    for seed in range(3):
        labels = [i % 3 == 0 for i in range(60)]
        for split in ("test", "val"):
            save_scores(arm, 1, seed, [f"{split}{i}" for i in range(60)], [f"{split}p{i // 2}" for i in range(60)],
                        labels, [random.random() * .6 + gain * y * .5 for y in labels], split=split)
`;
    execFileSync('python3', ['-c', snippet + calls], { cwd: root });
    const made = graft('scores.csv', '--plan', join('start', 'verdict.yaml'), '--json', '--quiet');
    expect(made.stderr).toBe('');
    const { analysis } = JSON.parse(made.stdout);
    expect(analysis.arms.map(({ arm }: { arm: string }) => arm)).toEqual(['real', 'real+synthetic']);
    expect(analysis.arms[0].scores.sensitivity).toBeDefined();
  });
});
