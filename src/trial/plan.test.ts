import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { type Dataset, openDataset } from '../data/dataset/dataset.js';
import { createPhantomDataset } from '../data/phantom/dataset.js';
import { type TrialConfig, trialConfigSchema } from './config.js';
import {
  type ClassifierJob,
  classifierConfig,
  derivedSeed,
  folderName,
  ganConfig,
  planTrial,
  type SyntheticJob,
} from './plan.js';

let dataset: Dataset;
beforeAll(async () => {
  const dir = join(mkdtempSync(join(tmpdir(), 'graft-plan-')), 'phantoms');
  await createPhantomDataset(dir, { count: 100, sizePx: 16, prevalence: 0.3, seed: 1 });
  dataset = openDataset(dir);
});

const configOf = (settings: object): TrialConfig =>
  trialConfigSchema.parse({ data: dataset.dir, ...settings });
const ids = (settings: object, seeds?: number): string[] =>
  planTrial(configOf(settings), dataset, { seeds }).map(({ id }) => id);

test('jobs come after those they need, and each is there once', () => {
  const jobs = planTrial(
    configOf({
      folds: 2,
      sweep: { realFraction: [0.5] },
      gans: { a: {}, b: { each: 'seed' } },
      arms: ['real', 'real+synthetic:a', 'real+synthetic:b'],
    }),
    dataset,
  );
  const seen = new Set<string>();
  for (const { id, needs } of jobs) {
    expect(seen).not.toContain(id);
    for (const need of needs) expect(seen).toContain(need);
    seen.add(id);
  }
  const count = (kind: string) => jobs.filter((job) => job.kind === kind).length;
  // 2 folds × 2 fractions; b is trained for each of three seeds.
  expect([count('data'), count('gan'), count('classifier')]).toEqual([4, 4 + 12, 2 * 2 * 3 * 3]);
});

test('one GAN serves every seed and arm of a fold; a larger amount is another folder', () => {
  expect(
    ids({ arms: ['real+synthetic', { arm: 'real+standard+synthetic', amount: '2:1' }], seeds: [4] }),
  ).toEqual([
    'data/fold-1',
    'gans/sngan/fold-1',
    expect.stringMatching(/^synthetic\/sngan\/fold-1\/random-\d+$/),
    expect.stringMatching(/^synthetic\/sngan\/fold-1\/random-\d+$/),
    'runs/fold-1/real+synthetic/seed-4',
    'runs/fold-1/real+standard+synthetic-2x1/seed-4',
    'judged/sngan/fold-1',
  ]);
});

test('a GAN that is there already is not trained', () => {
  const jobs = planTrial(configOf({ arms: ['real+synthetic'], gans: { sngan: { run: '/gan' } } }), dataset);
  expect(jobs.some(({ kind }) => kind === 'gan')).toBe(false);
  const [synthetic] = jobs.filter((job): job is SyntheticJob => job.kind === 'synthetic');
  expect(synthetic!.from).toEqual({ run: '/gan' });
});

test('more seeds add jobs and change none: what was run stays what it was', () => {
  const settings = { sequential: { looks: [2, 4] }, seeds: [7] };
  const first = ids(settings, 2);
  const all = ids(settings);
  expect(all).toEqual(expect.arrayContaining(first));
  expect(first.filter((id) => id.startsWith('runs/fold-1/real/'))).toEqual([
    'runs/fold-1/real/seed-7',
    'runs/fold-1/real/seed-8',
  ]);
  expect(all.filter((id) => id.startsWith('runs/fold-1/real/'))).toHaveLength(4);
});

test('arms differ in nothing but what they say', () => {
  const config = configOf({
    arms: ['real', 'real+standard', 'real+oversampling', 'real+class-weights', 'real+focal', 'synthetic'],
  });
  const jobs = planTrial(config, dataset).filter(
    (job): job is ClassifierJob => job.kind === 'classifier' && job.seed === 1,
  );
  const configs = jobs.map(({ arm, seed }) => classifierConfig(config, { arm, seed }));
  const [plain, ...others] = configs;
  const differences = others.map((other) =>
    Object.fromEntries(
      Object.entries(other).filter(
        ([key, value]) => JSON.stringify(value) !== JSON.stringify(plain![key as keyof typeof plain]),
      ),
    ),
  );
  expect(plain).toMatchObject({ augmentation: 'none', sampler: 'shuffle', real: 'all' });
  expect(plain!.seed).toBe(derivedSeed(1, 1, 'classifier'));
  expect(differences).toEqual([
    { augmentation: 'standard' },
    { sampler: 'balanced' },
    { classWeights: 'inverse' },
    { loss: 'focal' },
    { real: 'negatives' },
  ]);
});

test.each([
  [{ seeds: [1, 1] }, 'seeds: 1 stands twice'],
  [{ sequential: { looks: [3, 3] } }, 'sequential.looks: 3 does not exceed'],
  [{ classifier: { set: { loss: 'focal' } } }, 'classifier.set.loss: the arms decide it'],
  [{ classifier: { set: { target: 'classes' } } }, 'use target: binary'],
  [{ classifier: { set: { steps: 20 } } }, 'classifier.set: warmupSteps (50) must be fewer than steps (20)'],
  [{ gans: { a: { set: { weightClip: 0.01 } } } }, 'gans.a.set: weightClip: is of the wasserstein objective'],
  [
    {
      arms: [
        { arm: 'real', name: 'a b' },
        { arm: 'real+standard', name: 'a-b' },
      ],
    },
    'rename one',
  ],
])('%j is refused before there is a trial folder', (settings, message) => {
  expect(() => planTrial(configOf(settings), dataset)).toThrow(message);
});

test('names of folders', () => {
  expect(folderName('real+synthetic (2:1, 25% real)')).toBe('real+synthetic-2x1-25%-real');
});

test('a seed gives another luck in each fold, the same to all arms of one; GANs and noise have theirs', () => {
  const config = configOf({ arms: ['real', 'real+synthetic'], folds: 2 });
  const [one, two] = [1, 2].map((fold) => classifierConfig(config, { seed: 0, fold }).seed);
  expect(one).not.toBe(two);
  const gans = [1, 2].map((fold) => ganConfig(config, 'sngan', { data: 'x', fold }).seed);
  const perSeed = [0, 1].map((seed) => ganConfig(config, 'sngan', { data: 'x', fold: 1, seed }).seed);
  const noise = planTrial(config, dataset).flatMap((job) => (job.kind === 'synthetic' ? [job.seed] : []));
  const all = [one!, two!, ...gans, perSeed[1]!, ...noise];
  expect(new Set(all).size).toBe(all.length);
  for (const seed of all) expect(Number.isInteger(seed) && seed >= 0 && seed < 2 ** 31).toBe(true);
});
