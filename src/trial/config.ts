/** A trial file: which arms, how many seeds and folds, from which GANs, with which classifier. */

import { ConfigError } from 'graft-torch/base';
import { z } from 'zod';
import { jobThreads } from '../run/index.js';
import {
  amountSchema,
  armSettingsSchema,
  choicePolicies,
  resolveArms,
  sweepSchema,
  type TrialArm,
} from './arms.js';
import { comparisonPairs, primaryIndex, rebalances, requiredIndex } from './comparisons.js';

const settings = z.record(z.string(), z.unknown());

const ganSchema = z.strictObject({
  run: z
    .string()
    .nullable()
    .default(null)
    .describe('a finished run on this dataset; null: trains one in the trial, once for each fold'),
  recipe: z.string().default('sngan-64').describe('of the GAN that is trained here'),
  set: settings.default({}).describe('keys of the recipe to override'),
  each: z
    .enum(['fold', 'seed'])
    .default('fold')
    .describe('fold: one GAN serves all seeds of a fold; seed: each seed has a GAN of its own'),
});

export const trialConfigSchema = z.strictObject({
  name: z.string().min(1).default('trial'),
  data: z.string().describe('dataset folder'),
  external: z
    .record(z.string(), z.string())
    .default({})
    .describe('further test sets by name: dataset folders, every image of which is scored by every run'),
  folds: z
    .int()
    .min(1)
    .default(1)
    .describe('1: the dataset’s own split; k ≥ 2: k-fold cross-validation over groups'),
  arms: z
    .array(armSettingsSchema)
    .min(1)
    .default([
      'real',
      'real+standard',
      'real+standard+oversampling',
      'real+synthetic',
      'real+standard+synthetic',
    ])
    .describe('training sets that are compared'),
  withoutBalance: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe(
      'why no arm re-balances the real images (oversampling, class-weights); without a reason such an arm is asked for',
    ),
  sweep: sweepSchema.prefault({}),
  seeds: z
    .array(z.int().min(0))
    .min(1)
    .default([0, 1, 2])
    .describe('one classifier a seed, arm and fold: weights, order and augmentation'),
  sequential: z
    .strictObject({
      looks: z
        .array(z.int().min(2))
        .min(2)
        .describe('numbers of seeds after which the answer is looked at, the last one the most'),
      halfWidth: z
        .number()
        .positive()
        .nullable()
        .default(null)
        .describe('stops when the primary interval is this narrow; null: only when the verdict is decided'),
    })
    .nullable()
    .default(null)
    .describe('adds seeds until the answer is sharp enough; every look spends its share of the error rate'),
  gans: z
    .record(z.string().regex(/^[\w.-]+$/, 'expected letters, digits, - _ .'), ganSchema)
    .default({ sngan: ganSchema.parse({}) })
    .describe('by name; plain `synthetic` means the first'),
  synthetic: z
    .strictObject({
      amount: amountSchema
        .default('balance')
        .describe(
          'images of the positive class: balance (until the classes are equal), a number, +10% (of the real training images), 2:1 (synthetic to real positives)',
        ),
      choice: z
        .enum(choicePolicies)
        .default('random')
        .describe(
          'of those the GAN can make: random, best (by the discriminator), diverse (k-means), filtered (label agreement and distance to training images), or filtered before one of the others',
        ),
      pool: z.int().min(1).default(4).describe('images made for each one that is chosen'),
      seed: z.int().min(0).default(0).describe('of the noise they are made from'),
    })
    .prefault({})
    .describe('what arms get that say nothing else'),
  classifier: z
    .preprocess(
      (given) => (typeof given === 'string' ? { recipe: given } : given),
      z.strictObject({
        recipe: z.string().default('efficientnet-b0-64'),
        set: settings.default({}).describe('keys of the recipe to override, the same in every arm'),
      }),
    )
    .prefault({})
    .describe('a recipe, or its name alone: classifier: probe'),
  equivalenceMargin: z
    .number()
    .positive()
    .max(0.1, 'expected at most 0.1: a larger difference in AUC always matters')
    .default(0.02)
    .describe('AUC difference below which two arms count as equal; fixed before the trial'),
  marginReason: z
    .string()
    .nullable()
    .default(null)
    .describe('why a smaller difference would not matter; asked for by `graft trial register`'),
  level: z
    .number()
    .min(0.9, 'expected 0.9 at least: below it chance claims too often')
    .lt(1)
    .default(0.95)
    .describe('of confidence intervals'),
  power: z.number().min(0.5).lt(1).default(0.8).describe('that detectable effects are stated for'),
  device: z.string().default('auto').describe('cpu, cuda, cuda:1, mps; auto: the best there is'),
  threads: z
    .int()
    .min(0)
    .default(0)
    .describe(
      'of the CPU, for each job; 0: 1 below 8 cores, 2 below 32, 4 above, settled when the trial begins',
    ),
});

export type TrialConfig = z.output<typeof trialConfigSchema>;

/** @throws ConfigError for repeated seeds, which would be counted as independent evidence, and looks that do not grow */
export function checkTrialConfig(config: TrialConfig): void {
  const repeated = config.seeds.find((value, i) => config.seeds.indexOf(value) !== i);
  if (repeated !== undefined)
    throw new ConfigError(`seeds: ${repeated} stands twice; each run must be independent`);
  const looks = config.sequential?.looks ?? [];
  const bad = looks.find((look, i) => i > 0 && look <= looks[i - 1]!);
  if (bad !== undefined) throw new ConfigError(`sequential.looks: ${bad} does not exceed the look before it`);
  armsOf(config);
}

/**
 * Synthetic images of the rare class also re-balance the training set, which oversampling does for nothing. A trial that is
 * to say that they help must have an arm that re-balances the real images, or a reason why not.
 * @throws ConfigError naming the arm to add
 */
export function requireBalanceArm(config: TrialConfig): void {
  const pairs = comparisonPairs(armsOf(config));
  if (!rebalances(pairs) || requiredIndex(pairs) !== null || config.withoutBalance !== null) return;
  const { arm, baseline } = pairs[primaryIndex(pairs)!]!;
  throw new ConfigError(
    `arms: ${arm.name} also re-balances the classes; add ${baseline.name}+oversampling (or +class-weights), so that "helps" can mean more than balance, or say why not: --set 'withoutBalance=…'`,
  );
}

/** Threads of each job, decided by the machine's cores where the file leaves them open, never by what runs beside. */
export const settleTrialThreads = (config: TrialConfig): TrialConfig =>
  config.threads > 0 ? config : { ...config, threads: jobThreads() };

/** Every arm, those of the sweep included. */
export function armsOf(config: TrialConfig): TrialArm[] {
  return resolveArms(config.arms, config.sweep, {
    gans: Object.keys(config.gans),
    amount: config.synthetic.amount,
    choice: config.synthetic.choice,
  });
}

/** Names of the GANs whose images an arm has. */
export const usedGans = (config: TrialConfig): Set<string> =>
  new Set(armsOf(config).flatMap(({ synthetic }) => (synthetic ? [synthetic.gan] : [])));

/** The seeds of a trial, with those that looks may add: the listed ones first, then the next numbers. */
export function seedsOf(
  config: TrialConfig,
  count = config.sequential?.looks.at(-1) ?? config.seeds.length,
): number[] {
  const seeds = config.seeds.slice(0, count);
  for (let next = Math.max(...config.seeds) + 1; seeds.length < count; next++) seeds.push(next);
  return seeds;
}

/** The settings of a map as `--set` words. */
export const asSets = (map: Record<string, unknown>): string[] =>
  Object.entries(map).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
