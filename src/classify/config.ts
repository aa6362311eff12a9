/**
 * A classifier's configuration. Every default stands here with its source: [original] is the system that Graft
 * sets out to surpass (AIDL21, 2021), [own] was measured here (docs/classify.md).
 */

import { ConfigError } from 'graft-torch/base';
import { z } from 'zod';
import {
  type AugmentationName,
  augmentationNames,
  RAND_AUGMENT,
  type TestTimeAugmentation,
  testTimeAugmentations,
} from '../data/augment/index.js';
import { INPUT_STATISTICS, networkEntry, networkNames, PADDINGS, weightsFilePath } from '../models/index.js';
import { requireChoice } from './choice.js';
import { fineTuningShape } from './fine-tuning.js';
import { requireHeadWarmup } from './head-warmup.js';
import { DROP_CONNECT, requireMeaning } from './meaning.js';
import { probeSchema, requireProbeSettings } from './probe-settings.js';
import { requireResizable } from './resizing.js';

/** Which real images of the training split a classifier may see; what is left out, synthetic ones must replace. */
const realImages = ['all', 'negatives', 'none'] as const;
export type RealImages = (typeof realImages)[number];

/** How a classifier is trained, whatever the data. */
export const classifierRecipeSchema = z.strictObject({
  method: z
    .enum(['fine-tuning', 'probe'])
    .default('fine-tuning')
    .describe(
      'fine-tuning: all weights learn, step by step; probe: logistic regression on the features of a network that stays as it is',
    ),
  target: z
    .enum(['binary', 'classes'])
    .default('binary')
    .describe('binary: the positive class against all others; classes: every class of the dataset, softmax'),
  classes: z
    .array(z.string())
    .default([])
    .describe(
      'of target classes, in the order of the logits; left empty: the dataset’s, the positive one first',
    ),
  architecture: z
    .enum(networkNames as [string, ...string[]])
    .default('efficientnet-b0')
    .describe('network; `graft classify networks` lists them'),
  head: z
    .enum(['pooled', 'normalised'])
    .default('pooled')
    .describe('pooled: the paper’s; normalised: batch norm before the pool, the original’s'),
  channels: z
    .union([z.literal(1), z.literal(3)])
    .nullable()
    .default(null)
    .describe('of the images; null: those of the dataset, 1 where all its images are grey'),
  imageSize: z.int().min(32).max(1024).default(64).describe('side in pixels'),
  weights: z
    .string()
    .nullable()
    .default(null)
    .describe(
      'file to start from, safetensors or PyTorch (.pth) under the key names of the libraries that publish such weights, or hf:<owner>/<repository>/<file> on the Hugging Face hub; null: from scratch',
    ),
  weightsHash: z
    .string()
    .optional()
    .describe('SHA-256 of the file of weights that a probe looks through; written by the run'),
  weightsPart: z
    .string()
    .min(1)
    .optional()
    .describe('which state dict of a file that holds several (state_dict_ema), or what its names begin with'),
  module: z
    .string()
    .min(1)
    .optional()
    .describe(
      'file with a network or an augmentation of one’s own (.js; .ts where Node runs it), instead of architecture or augmentation',
    ),
  moduleHash: z.string().optional().describe('SHA-256 of the module; written by the run'),
  moduleFitted: z
    .array(z.string())
    .optional()
    .describe('runs and files that the module says its network was fitted to; written by the run'),
  own: z
    .array(z.enum(['network', 'augmentation']))
    .optional()
    .describe('what came from a module or a program; written by the run'),
  padding: z
    .enum(['auto', ...PADDINGS])
    .default('auto')
    .describe('of convolutions: same is TensorFlow’s, symmetric PyTorch’s; auto: the weights’, else same'),
  batchNormEps: z
    .number()
    .positive()
    .nullable()
    .default(null)
    .describe('ε of batch norms; null: the weights’, else the authors’ 0.001'),
  inputStatistics: z
    .enum(['auto', ...INPUT_STATISTICS])
    .default('auto')
    .describe('how pixels are normalised; half: (x − ½) / ½; auto: the weights’, else imagenet'),
  frozenBlocks: z
    .int()
    .min(0)
    .default(0)
    .describe('MBConv blocks that keep their weights, batch norms apart; the original’s best: 18 of B3’s 26'),
  dropout: z
    .number()
    .min(0)
    .lt(1)
    .nullable()
    .default(null)
    .describe('before the last layer; null: the variant’s own'),
  dropConnect: z.number().min(0).lt(1).default(DROP_CONNECT).describe('stochastic depth; Tan & Le 2019'),
  batchNormMomentum: z
    .number()
    .positive()
    .max(1)
    .default(0.1)
    .describe(
      'share of a batch in the running statistics; PyTorch’s 0.1, the original: 0.15. The paper’s 0.01 needs tens of thousands of steps',
    ),

  augmentation: z
    .enum(augmentationNames as [AugmentationName, ...AugmentationName[]])
    .default('standard')
    .describe(
      'standard: the original’s list; siim: the SIIM-ISIC winners’; randaugment; flips: the eight symmetries; none',
    ),
  randAugment: z
    .strictObject({
      operations: z.int().min(1).max(14).default(RAND_AUGMENT.operations).describe('N, one after the other'),
      magnitude: z.number().min(0).max(30).default(RAND_AUGMENT.magnitude).describe('M, of 30'),
    })
    .prefault({})
    .describe('of augmentation randaugment; torchvision’s values'),
  tta: z
    .enum(testTimeAugmentations as [TestTimeAugmentation, ...TestTimeAugmentation[]])
    .default('none')
    .describe(
      'test-time augmentation, at the end and in evaluate and predict: logits are averaged over the image and its flips (4 views) or the eight symmetries',
    ),
  real: z
    .enum(realImages)
    .default('all')
    .describe(
      'real training images that are used; negatives: all but the positive class; none: synthetic ones alone. Validation and test stay real',
    ),
  sampler: z
    .enum(['shuffle', 'balanced'])
    .default('shuffle')
    .describe('balanced: with replacement, both classes equally often (the original’s)'),
  batchSize: z.int().min(2).default(32),
  steps: z
    .int()
    .min(1)
    .default(1500)
    .describe('optimiser steps: the budget, the same in every arm of a trial'),
  evaluateEvery: z.int().min(1).default(100).describe('steps between validations, each with a checkpoint'),
  patience: z
    .int()
    .min(0)
    .default(0)
    .describe('stops after this many validations without a better score (bestBy); 0: uses the whole budget'),

  optimizer: z
    .enum(['adamw', 'adam'])
    .default('adamw')
    .describe('Loshchilov & Hutter 2019; the original: adam'),
  learningRate: z
    .number()
    .positive()
    .default(1e-3)
    .describe('from scratch; with weights 1e-4, as the original'),
  weightDecay: z.number().min(0).default(0.01).describe('PyTorch’s default of AdamW'),
  schedule: z
    .enum(['cosine', 'plateau', 'constant'])
    .default('cosine')
    .describe(
      'cosine: to 0 at the last step; plateau: × 0.5 when the validation score (bestBy) stalls (the original’s)',
    ),
  warmupSteps: z
    .int()
    .min(0)
    .default(50)
    .describe('linear from 0, behind headWarmupSteps; Goyal et al. 2017'),
  plateau: z
    .strictObject({
      factor: z.number().positive().lt(1).default(0.5),
      patience: z.int().min(0).default(5).describe('validations'),
    })
    .prefault({})
    .describe('of schedule plateau; the original’s values'),

  ...fineTuningShape,
  probe: probeSchema,

  seed: z.int().min(0).default(0).describe('decides weights, order, augmentation, dropout'),
  device: z.string().default('auto').describe('cpu, cuda, cuda:1, mps; auto: the best there is'),
  threads: z.int().min(0).default(0).describe('of the CPU; 0: every core'),
  logEvery: z.int().min(1).default(10).describe('steps between losses in the event log'),
  evaluationBatchSize: z.int().min(1).default(128),
});

/** A whole run of the command line: recipe and data. */
export const classifierConfigSchema = z.strictObject({
  data: z.string().describe('dataset folder'),
  synthetic: z
    .array(z.string())
    .default([])
    .describe('folders of synthetic images with lineage.json, added to the training images'),
  ...classifierRecipeSchema.shape,
});

export type ClassifierRecipe = z.output<typeof classifierRecipeSchema>;
export type ClassifierConfig = z.output<typeof classifierConfigSchema>;

/**
 * @param options.isNew false for a run that there is already, whose keys say what earlier versions let pass. Default true
 * @throws ConfigError for values that each are fine but do not go together.
 */
export function checkRecipe(recipe: ClassifierRecipe, { isNew = true }: { isNew?: boolean } = {}): void {
  if (recipe.weights !== null) weightsFilePath(recipe.weights);
  if (!recipe.own?.includes('network')) requireSide(recipe);
  if (isNew) requireMeaning(recipe);
  if (recipe.method === 'probe') requireProbeSettings(recipe);
  else {
    requireHeadWarmup(recipe);
    requireChoice(recipe);
    requireResizable(recipe);
  }
  if (recipe.warmupSteps >= recipe.steps && recipe.steps > 1 && recipe.warmupSteps > 0) {
    throw new ConfigError(
      `warmupSteps (${recipe.warmupSteps}) must be fewer than steps (${recipe.steps}); set warmupSteps=${Math.floor(recipe.steps / 10)}`,
    );
  }
  if (recipe.classWeights !== 'none' && recipe.sampler === 'balanced') {
    throw new ConfigError(
      'sampler balanced and classWeights both make up for rare classes, which then count twice; keep one of them',
    );
  }
  if (recipe.target === 'classes' && recipe.posWeight !== 1) {
    throw new ConfigError('posWeight is for target binary; use classWeights to weigh several classes');
  }
  if (recipe.target === 'binary' && recipe.classes.length > 0) {
    throw new ConfigError('classes is for target classes; set target=classes, or leave classes out');
  }
  if (recipe.classWeights !== 'none' && recipe.posWeight !== 1) {
    throw new ConfigError('classWeights and posWeight both weigh the positive class; keep one of them');
  }
  if (recipe.own?.includes('network') && (recipe.weights !== null || recipe.frozenBlocks > 0)) {
    throw new ConfigError(
      'weights and frozenBlocks are for the architectures of Graft; a network of one’s own loads and freezes in its own module',
    );
  }
  if (
    recipe.batchNormStatistics === 'weights' &&
    recipe.weights === null &&
    !recipe.own?.includes('network')
  ) {
    throw new ConfigError(
      'batchNormStatistics: without weights there are no statistics to keep; give weights, or set batchNormStatistics=batch',
    );
  }
  if (recipe.frozenBlocks > 0 && recipe.weights === null) {
    throw new ConfigError(
      'frozenBlocks: freezing blocks that were never trained gains nothing; give weights, or set frozenBlocks=0',
    );
  }
}

/** A network that cuts images into patches takes none of another side. */
function requireSide({ architecture, imageSize }: ClassifierRecipe): void {
  const { title, sideStep } = networkEntry(architecture);
  if (imageSize % sideStep === 0) return;
  const least = Math.ceil(32 / sideStep) * sideStep;
  throw new ConfigError(
    `imageSize: ${title} cuts images into patches of ${sideStep} px, and ${imageSize} is no multiple of it; set imageSize=${Math.max(least, Math.round(imageSize / sideStep) * sideStep)}`,
  );
}
