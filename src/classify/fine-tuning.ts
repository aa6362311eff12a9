/**
 * The part of a classifier's configuration that shapes one optimiser step (the loss, mixed images, the gradient, rates by
 * depth, the average of the weights, the head alone, smaller images) and the choice of the checkpoint. Everything is off unless
 * a recipe turns it on.
 */
import { z } from 'zod';
import { bestBys } from './choice.js';
import { classWeightings } from './class-weights.js';
import { HEAD_LEARNING_RATE } from './head-warmup.js';
import { progressiveSchema } from './resizing.js';

export const fineTuningShape = {
  loss: z
    .enum(['cross-entropy', 'focal'])
    .default('cross-entropy')
    .describe('focal: images that are told apart already count less; Lin et al. 2017'),
  focalGamma: z.number().min(0).max(10).default(2).describe('exponent of loss focal; Lin et al.’s best'),
  labelSmoothing: z
    .number()
    .min(0)
    .lt(1)
    .default(0)
    .describe('share of a label that is spread over all classes; Szegedy et al. 2016: 0.1'),
  classWeights: z
    .enum(classWeightings)
    .default('none')
    .describe(
      'factor of a class’s loss: inverse to its training images, or to their effective number (Cui et al. 2019)',
    ),
  effectiveBeta: z
    .number()
    .min(0)
    .lt(1)
    .default(0.999)
    .describe('β of classWeights effective; Cui et al.: 0.9 to 0.9999'),
  posWeight: z
    .number()
    .positive()
    .default(1)
    .describe('factor of the positive class’s loss, as PyTorch’s pos_weight'),
  mixup: z
    .number()
    .min(0)
    .max(32)
    .default(0)
    .describe('α of mixup, 0: none; Zhang et al. 2018: 0.2; with cutmix, each image draws which'),
  cutmix: z.number().min(0).max(32).default(0).describe('α of CutMix, 0: none; Yun et al. 2019: 1'),
  gradientClip: z
    .number()
    .min(0)
    .default(0)
    .describe('largest norm of the whole gradient, 0: any; Pascanu et al. 2013'),
  layerDecay: z
    .number()
    .positive()
    .max(1)
    .default(1)
    .describe(
      'learning rate of a stage as a share of the one above it, the head’s being whole; Howard & Ruder 2018: 1 / 2.6 ≈ 0.385',
    ),
  batchNormStatistics: z
    .enum(['batch', 'weights'])
    .default('batch')
    .describe(
      'of batch norms while training: each batch’s, or those of the starting weights, kept as they are (their scale and shift learn): what a pretrained network knows is bent less where images are few',
    ),
  headWarmupSteps: z
    .int()
    .min(0)
    .default(0)
    .describe(
      'of the steps, the first ones, in which the last layer alone learns; schedule and warmupSteps begin behind them. Kumar et al. 2022',
    ),
  headLearningRate: z
    .number()
    .positive()
    .default(HEAD_LEARNING_RATE)
    .describe('in headWarmupSteps, constant: Adam’s own rate, since a head begins at random'),
  progressive: progressiveSchema,
  bestBy: z
    .enum(bestBys)
    .default('auc')
    .describe(
      'what chooses the checkpoint, counts patience and tells a plateau: auc (of several classes the macro average), logLoss, or balancedAccuracy of target classes',
    ),
  validationWindow: z
    .int()
    .min(1)
    .default(1)
    .describe('validations whose mean is what bestBy looks at; 1: each by itself'),
  emaDecay: z
    .number()
    .min(0)
    .lt(1)
    .default(0)
    .describe(
      'per step, of an average of weights and batch-norm statistics that is validated and kept instead of the network; 0: none. The paper of EfficientNet: 0.9999, for far longer runs; 0.99 to 0.999 here',
    ),
};

const fineTuningSchema = z.strictObject(fineTuningShape);
export type FineTuning = z.output<typeof fineTuningSchema>;

/** Everything off: what runs did before these keys were there. */
export const FINE_TUNING_OFF: Readonly<FineTuning> = fineTuningSchema.parse({});
