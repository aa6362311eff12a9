/**
 * What stands in examples/, on docs/torch.md and in the README of the examples, as a user runs it: compiled, in processes of
 * their own, by the packages' names.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ts from 'typescript';
import { beforeAll, describe, expect, test } from 'vitest';
import { packageRoot } from '../src/base/index.js';
import { createPhantomDataset } from '../src/data/phantom/dataset.js';
import { compileProgram, programEnvironment, runProgram } from './program.js';

const root = packageRoot();
/** Somebody's project: both packages are installed in it. */
let project: string;

beforeAll(async () => {
  project = mkdtempSync(join(tmpdir(), 'graft-examples-'));
  mkdirSync(join(project, 'node_modules'));
  symlinkSync(root, join(project, 'node_modules', 'graft-gan'));
  symlinkSync(join(root, 'packages', 'torch'), join(project, 'node_modules', 'graft-torch'));
  await createPhantomDataset(join(project, 'phantoms'), {
    count: 100,
    sizePx: 64,
    prevalence: 0.4,
    seed: 1,
  });
  await compileProgram();
});

const node = (script: string, ...args: string[]): string =>
  execFileSync(process.execPath, [script, ...args], {
    cwd: project,
    env: programEnvironment(),
    encoding: 'utf8',
  });
const example = (name: string, ...args: string[]): string =>
  node(join(root, 'dist', 'examples', `${name}.js`), ...args);

test('dcgan: on graft-torch alone it learns to draw discs', () => {
  const printed = example('dcgan', '120', 'discs.pgm');
  const [middle, rim] = /middle (\S+), rim (\S+);/.exec(printed)!.slice(1).map(Number) as [number, number];
  expect(middle, printed).toBeGreaterThan(0.5);
  expect(rim, printed).toBeLessThan(-0.8);
  expect(printed).toMatch(/step 120: D \S+, G \S+, \d+ images\/s/);
  expect(readFileSync(join(project, 'discs.pgm')).length).toBe('P5 256 256 255\n'.length + 256 * 256);
});

test('relativistic: an objective of one’s own trains, and its images have their lineage', () => {
  const printed = example('relativistic', 'phantoms', 'malignant', 'relativistic', '6');
  expect(printed).toMatch(/16 images in relativistic\/synthetic/);
  const files = readdirSync(join(project, 'relativistic', 'synthetic'));
  expect(files.filter((name) => name.endsWith('.png'))).toHaveLength(16);
  const summary = JSON.parse(readFileSync(join(project, 'relativistic', 'summary.json'), 'utf8'));
  expect(summary.own).toEqual(['objective relativistic', 'regulariser r1+r2']);
});

/** Code blocks of a page. */
const blocks = (page: string, language: string): string[] =>
  [
    ...readFileSync(join(root, page), 'utf8').matchAll(new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, 'gs')),
  ].map(([, code]) => code!);

test('docs/torch.md: what stands beside PyTorch runs, one block after the other', () => {
  const code = blocks('docs/torch.md', 'ts').join('\n');
  const { outputText } = ts.transpileModule(code, { compilerOptions: { target: 99, module: 99 } });
  writeFileSync(join(project, 'page.mjs'), outputText);
  expect(node('page.mjs')).toMatch(/^0 \S+\n10 \S+\n$/);
  expect(readdirSync(project)).toEqual(
    expect.arrayContaining(['net.pth', 'net.safetensors', 'net.onnx', 'net.pt']),
  );
});

describe('a module from the command line', () => {
  const graft = (...args: string[]) => runProgram([...args, '--quiet', '--device', 'cpu'], { cwd: project });
  const small = ['steps=4', 'batchSize=8', 'monitorEvery=0', 'sampleCount=4', 'checkpointEvery=2']
    .concat(['generatorWidth=4', 'discriminatorWidth=4', 'latentSize=8', 'discriminatorNorm=none'])
    .flatMap((set) => ['--set', set]);
  const train = (...args: string[]) =>
    graft(
      'generator',
      'train',
      '--data',
      'phantoms',
      '--class',
      'malignant',
      '--recipe',
      'dcgan-64',
      ...small,
      ...args,
    );

  beforeAll(() => {
    const [module] = blocks('examples/README.md', 'js');
    writeFileSync(join(project, 'my-gan.mjs'), module!);
    const { status, stderr } = train('--module', 'my-gan.mjs', '--out', 'own');
    expect(stderr).not.toMatch(/error|refuse/i);
    expect(status).toBe(0);
  });

  test('is recorded with its hash, in the run and in the lineage of its images', () => {
    const config = readFileSync(join(project, 'own', 'config.yaml'), 'utf8');
    const [, hash] = /moduleSha256: ([0-9a-f]{64})/.exec(config)!;
    expect(config).toContain(`module: ${join(project, 'my-gan.mjs')}`);
    // A loss is not needed any more, so nothing of the module runs.
    expect(graft('gan', 'sample', 'own', '--count', '2', '--out', 'images').status).toBe(0);
    const lineage = JSON.parse(readFileSync(join(project, 'images', 'lineage.json'), 'utf8'));
    expect(lineage.module).toEqual({ file: 'my-gan.mjs', sha256: hash });
  });

  test('with networks is run again to sample, where the user trusts it', () => {
    const text = `import { GeneratorNetwork } from 'graft-gan/models';
      import { F, Linear } from 'graft-torch/nn';
      class Painter extends GeneratorNetwork {
        latent = 5;
        layer = this.child('layer', new Linear(5, 3 * 16 * 16));
        forward(z) {
          return F.tanh(F.interpolate(this.layer.forward(z).reshape([-1, 3, 16, 16]), 64));
        }
      }
      export default { networks: { generator: () => new Painter() } };`;
    writeFileSync(join(project, 'painter.mjs'), text);
    expect(train('--module', 'painter.mjs', '--out', 'painted').status).toBe(0);
    const sample = (...args: string[]) =>
      graft('generator', 'sample', 'painted', '--count', '2', '--out', 'pictures', ...args);
    // Only a configuration names it now: the user is asked.
    const refused = sample();
    expect(refused.stderr).toMatch(/painter\.mjs: a module is a program.*--trust-code/);
    expect(refused.status).toBe(2);
    expect(sample('--trust-code').status).toBe(0);
    expect(graft('generator', 'inspect', 'painted', '--trust-code').stdout).toMatch(/Painter|layer +Linear/);
  });

  test('that was changed is refused when a run goes on, unless one says so', () => {
    const module = join(project, 'later.mjs');
    writeFileSync(module, readFileSync(join(project, 'my-gan.mjs')));
    const { status } = train('--module', 'later.mjs', '--out', 'later', '--set', 'steps=2');
    expect(status).toBe(0);
    // As a run that was stopped: without the summary that says it has finished, and with more to do.
    const path = join(project, 'later', 'config.yaml');
    writeFileSync(path, readFileSync(path, 'utf8').replace('steps: 2', 'steps: 4'));
    execFileSync('rm', [join(project, 'later', 'summary.json')]);
    writeFileSync(module, `${readFileSync(module, 'utf8')}// changed\n`);
    const refused = graft('generator', 'resume', 'later', '--module', 'later.mjs');
    expect(refused.stderr).toMatch(
      /^graft: [^\n]*is not the module that the run was begun with[^\n]*--changed-module[^\n]*\n$/,
    );
    expect(refused.status).toBe(2);
    expect(graft('generator', 'resume', 'later', '--module', 'nowhere.mjs').stderr).toMatch(/no such module/);
    const went = graft('generator', 'resume', 'later', '--module', 'later.mjs', '--changed-module');
    expect(went.stderr).not.toMatch(/error/i);
    expect(went.status).toBe(0);
    expect(readFileSync(join(project, 'later', 'log.txt'), 'utf8')).toMatch(
      /its module is .*later\.mjs \([0-9a-f]{64}\), was/,
    );
  });
});
