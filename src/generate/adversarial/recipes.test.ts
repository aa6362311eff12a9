import { expect, test } from 'vitest';
import { recipeNames, resolveConfig } from '../../run/config.js';
import { checkGanConfig, type GanConfig, ganConfigSchema } from './config.js';

const resolved = (recipe: string, sets: string[] = []): GanConfig =>
  resolveConfig(ganConfigSchema, {
    recipe,
    kind: 'gan',
    sets,
    flags: [
      { flag: '--data', key: 'data', value: '-' },
      { flag: '--class', key: 'class', value: ['melanoma', 'nevus'] },
    ],
  });

const gans = recipeNames().filter((name) => /gan|^r1|^hinge/.test(name));

test.each(gans)('recipe %s is whole, and its settings go together', (name) => {
  expect(() => checkGanConfig(resolved(name))).not.toThrow();
});

test('every experiment of the original has its recipe', () => {
  const experiments = [
    ...[64, 128, 256].flatMap((size) => [`dcgan-${size}`, `sngan-${size}`]),
    ...[64, 128].flatMap((size) => [`wgan-gp-${size}`, `acgan-${size}`]),
    'original/acgan-64-one-hot',
    ...[16, 64, 128].map((batch) => `original/dcgan-64-batch-${batch}`),
    ...[100, 600].map((latent) => `original/dcgan-64-latent-${latent}`),
    ...['1.0', '0.9'].map((label) => `original/dcgan-64-label-${label}`),
    ...[10, 100].flatMap((rate) => [`original/dcgan-64-rate-${rate}`, `original/sngan-64-rate-${rate}`]),
    ...[1, 3, 10].flatMap((x) => [`original/wgan-gp-64-lambda-${x}`, `original/wgan-gp-64-critic-${x}`]),
  ];
  expect(experiments.filter((name) => !gans.includes(name))).toEqual([]);
});

test('the original’s factors of the learning rate are D’s over G’s', () => {
  for (const factor of [10, 100]) {
    const { learningRate } = resolved(`original/dcgan-64-rate-${factor}`);
    expect(learningRate.discriminator / learningRate.generator).toBeCloseTo(factor, 9);
  }
});

test.each([
  [
    ['architecture=acgan', 'conditioning=auxiliary', 'imageSize=256'],
    /imageSize: acgan has no networks for 256 px/,
  ],
  [['architecture=acgan'], /conditioning: acgan has an auxiliary classifier/],
  [['conditioning=auxiliary'], /auxiliary is of acgan; sngan has none/],
  [['conditioning=projection'], /projection is of resnet; sngan has none/],
  [
    ['gradientPenalty={kind: r1, weight: 1}'],
    /gradientPenalty: .*batch norm in D forbids; set discriminatorNorm: none/,
  ],
  [
    ['discriminatorNorm=none', 'gradientPenalty={kind: wgan-gp, weight: 1, every: 2}'],
    /every: wgan-gp holds in every step/,
  ],
  [['weightClip=0.01'], /weightClip: is of the wasserstein objective/],
  [['fakeLabel=0.9'], /fakeLabel: 0.9 must be below realLabel/],
  [['ada={}', 'diffAugment=[cutout]'], /ada: and diffAugment do the same/],
  [['bestBy=fd', 'monitorEvery=0'], /bestBy: fd is not measured/],
  [['conditioningTransition={from: 1, to: 2}'], /conditioningTransition: there is no conditioning/],
])('%j is refused', (sets, message) => {
  expect(() => checkGanConfig(resolved('sngan-64', sets))).toThrow(message);
});
