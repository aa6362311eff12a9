/** A trial file: which arms, how many seeds, from which GAN, with which classifier. */
import { z } from 'zod';
import { ConfigError } from '../errors.js';
import type { TrialArm } from './summary.js';

/** What a training set may consist of. Without `synthetic`, real images alone. */
export const ARMS: Record<string, TrialArm> = {
  real: { name: 'real', standard: false, synthetic: false },
  'real+standard': { name: 'real+standard', standard: true, synthetic: false },
  'real+synthetic': { name: 'real+synthetic', standard: false, synthetic: true },
  'real+standard+synthetic': { name: 'real+standard+synthetic', standard: true, synthetic: true },
};

const armNames = Object.keys(ARMS) as [string, ...string[]];
const settings = z.record(z.string(), z.unknown());

export const trialConfigSchema = z.strictObject({
  name: z.string().min(1).default('trial'),
  data: z.string().describe('dataset folder'),
  arms: z.array(z.enum(armNames)).min(1).default(armNames).describe('training sets that are compared'),
  seeds: z
    .array(z.int().min(0))
    .min(1)
    .default([0, 1, 2])
    .describe('one classifier a seed and arm: weights, order and augmentation'),
  gan: z
    .strictObject({
      run: z
        .string()
        .nullable()
        .default(null)
        .describe('a finished run on this dataset; null: trains one here'),
      recipe: z.string().default('sngan-64').describe('of the GAN that is trained here'),
      set: settings.default({}).describe('keys of the recipe to override'),
    })
    .prefault({}),
  synthetic: z
    .strictObject({
      count: z
        .union([z.literal('balance'), z.int().min(1)])
        .default('balance')
        .describe('images of the positive class that are added; balance: until the classes are equal'),
      seed: z.int().min(0).default(0).describe('of the noise they are made from'),
    })
    .prefault({}),
  classifier: z
    .strictObject({
      recipe: z.string().default('efficientnet-b0-64'),
      set: settings.default({}).describe('keys of the recipe to override, the same in every arm'),
    })
    .prefault({}),
  equivalenceMargin: z
    .number()
    .positive()
    .lt(1)
    .default(0.02)
    .describe('AUC difference below which two arms count as equal; fixed before the trial'),
  device: z.string().default('auto').describe('cpu, cuda, cuda:1, mps; auto: the best there is'),
  threads: z.int().min(0).default(0).describe('of the CPU; 0: every core'),
});

export type TrialConfig = z.output<typeof trialConfigSchema>;

/** @throws ConfigError for repeated arms or seeds, which would be counted as independent evidence */
export function checkTrialConfig(config: TrialConfig): void {
  for (const key of ['arms', 'seeds'] as const) {
    const values: (string | number)[] = config[key];
    const repeated = values.find((value, i) => values.indexOf(value) !== i);
    if (repeated !== undefined)
      throw new ConfigError(`${key}: ${repeated} stands twice; each run must be independent`);
  }
}

/** The settings of a map as `--set` words. */
export const asSets = (map: Record<string, unknown>): string[] =>
  Object.entries(map).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
