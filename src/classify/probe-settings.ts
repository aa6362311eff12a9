/** The part of a classifier's configuration that shapes a probe: logistic regression on the features of a frozen network. */
import { isDeepStrictEqual } from 'node:util';
import { ConfigError } from 'graft-torch/base';
import { z } from 'zod';
import { HEAD_LEARNING_RATE } from './head-warmup.js';

export const probeSchema = z
  .strictObject({
    strength: z
      .number()
      .positive()
      .nullable()
      .default(null)
      .describe(
        'C of scikit-learn’s LogisticRegression, the larger, the weaker the penalty; null: chosen by cross-validation over the groups of the training split',
      ),
    folds: z.int().min(2).default(5).describe('of that cross-validation'),
    views: z
      .int()
      .min(1)
      .max(64)
      .default(8)
      .describe(
        'of each training image, whose features are averaged; where there are more, the seed draws them',
      ),
    pool: z
      .int()
      .min(1)
      .max(64)
      .default(8)
      .describe(
        'augmented views of an image that there are; with augmentation flips its eight symmetries, with none 1',
      ),
    neighbours: z
      .int()
      .min(1)
      .default(20)
      .describe('k of the k-NN classifier beside it, a check that rests on no fit; Caron et al. 2021: 20'),
  })
  .prefault({});

export type ProbeSettings = z.output<typeof probeSchema>;

/** What runs of before there were probes would have said. */
export const PROBE_DEFAULTS: Readonly<ProbeSettings> = probeSchema.parse({});

interface Recipe {
  weights: string | null;
  own?: readonly string[] | undefined;
  probe: ProbeSettings;
  [key: string]: unknown;
}

/** What shapes fine-tuning alone, with the value that says nothing. */
const MEANINGLESS: Readonly<Record<string, unknown>> = {
  loss: 'cross-entropy',
  mixup: 0,
  cutmix: 0,
  labelSmoothing: 0,
  emaDecay: 0,
  frozenBlocks: 0,
  headWarmupSteps: 0,
  batchNormStatistics: 'batch',
  headLearningRate: HEAD_LEARNING_RATE,
  validationWindow: 1,
  bestBy: 'auc',
  progressive: [],
};

/** @throws ConfigError for a recipe that no probe can be made by */
export function requireProbeSettings(recipe: Recipe): void {
  if (recipe.own?.includes('network'))
    throw new ConfigError(
      'method probe looks through a network of Graft with weights; a network of one’s own is trained with method=fine-tuning',
    );
  if (recipe.weights === null)
    throw new ConfigError(
      'method probe looks through a network that was trained before: give its weights (--set weights=FILE; `graft classify networks` says where they are had)',
    );
  const key = Object.keys(MEANINGLESS).find((one) => !isDeepStrictEqual(recipe[one], MEANINGLESS[one]));
  if (key !== undefined)
    throw new ConfigError(
      `${key} shapes fine-tuning, and a probe has no use for it; leave it out, or set method=fine-tuning`,
    );
}
