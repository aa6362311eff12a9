/**
 * What a finished trial hands over: every run with its scores on every test image, the GANs whose images were
 * used, and all that a reader needs to judge or repeat it. JSON-safe; the report and the verdict are computed
 * from this alone, so that they can be made again from a `summary.json` years later.
 */

import { z } from 'zod';
import { checkedBy } from '../base/index.js';
import { metricRecordSchema } from '../metrics/sets/index.js';
import { registrationRecordSchema } from '../verdict/index.js';
import { armSchema } from './arms.js';

const probability = z.number().min(0).max(1);
const count = z.number().int().nonnegative();

/** Scores of one run on one split; see src/stats/scores.ts (`splitScores`). */
const splitScoresSchema = z.strictObject({
  auc: probability,
  logLoss: z.number().nonnegative(),
  brier: probability,
  /** Chosen on validation images; 2 calls nothing positive. */
  threshold: z.number(),
  accuracy: probability,
  balancedAccuracy: probability,
  sensitivity: probability,
  specificity: probability,
});

/** One point of a classifier's training, in optimiser steps. */
const classifierPointSchema = z.strictObject({
  step: count,
  epoch: z.number().nonnegative(),
  trainLoss: z.number().nullable(),
  validationLoss: z.number().nullable(),
  validationAuc: probability.nullable(),
});

/** One arm trained with one seed in one fold. */
const runSchema = z.strictObject({
  arm: z.string(),
  /** From 1; a trial without folds has one. */
  fold: z.number().int().min(1),
  seed: z.number().int(),
  /** Run folder, relative to the trial folder; '' where there is none. */
  folder: z.string().default(''),
  /** Whose synthetic images it was trained with: a name that is another for each generator; null: none, or not recorded. */
  generator: z.string().nullable().default(null),
  realImages: count,
  syntheticImages: count,
  /** Steps taken, and the step whose weights were kept (best validation AUC). */
  optimiserSteps: count,
  bestStep: count,
  seconds: z.number().nonnegative(),
  validation: splitScoresSchema,
  test: splitScoresSchema,
  /** Probability of the positive class, one a test image in the order of its fold's `test` below. */
  testScores: z.array(probability),
  /** The same on each external test set, by its name, in the order of `external` below. */
  externalScores: z.record(z.string(), z.array(probability)).default({}),
  curve: z.array(classifierPointSchema),
});

const ganPointSchema = z.strictObject({
  step: count,
  /** null where the loss was not finite. */
  discriminatorLoss: z.number().nullable(),
  generatorLoss: z.number().nullable(),
});

/** Images that are scored, in the order of every run's scores. */
const testImagesSchema = z.strictObject({
  ids: z.array(z.string()),
  groups: z.array(z.string()),
  /** 1 for the positive class. */
  labels: z.array(z.union([z.literal(0), z.literal(1)])),
});

/** Do the images give training images away? Undecided where too few images are there. */
export const privacySchema = z.strictObject({
  verdict: z.enum(['pass', 'fail', 'undecided']),
  sentence: z.string(),
});

/** A GAN whose images were used. */
export const ganSchema = z.strictObject({
  /** As in the trial file, and the fold where there are several: unique. */
  name: z.string(),
  fold: z.number().int().min(1),
  realFraction: z.number().positive().max(1),
  recipe: z.string(),
  /** Class it was trained on. */
  label: z.string(),
  seed: z.number().int(),
  steps: count,
  batchSize: count,
  seconds: z.number().nonnegative(),
  trainingImages: count,
  sampledImages: count,
  sizePx: count,
  curve: z.array(ganPointSchema),
  /** What the privacy checks say of its images; null: not checked. */
  privacy: privacySchema.nullable().default(null),
  /** PNG files, absolute or relative to the trial folder; null where there is none. Embedded in the report. */
  realGrid: z.string().nullable(),
  syntheticGrid: z.string().nullable(),
  lineage: z.strictObject({ run: z.string(), checkpoint: z.string(), datasetHash: z.string() }),
});

const spreadSchema = z.strictObject({ mean: z.number(), deviation: z.number().nonnegative(), n: count });

/** One image or distribution metric with its null: the same metric between real images and other real images. */
export const metricSchema = z.strictObject({
  /** GAN whose images were measured. */
  gan: z.string(),
  name: z.string(),
  unit: z.string().default(''),
  better: z.enum(['higher', 'lower']),
  realSynthetic: spreadSchema,
  realReal: spreadSchema.nullable(),
  /** How it was measured: pairing, size, resizer, backbone. */
  protocol: z.string(),
});

/** A metadata column over one split and class of a fold: counts of its values, and quartiles where it is a number. */
const demographicCellSchema = z.strictObject({
  split: z.enum(['train', 'val', 'test']),
  label: z.string(),
  /** Images. */
  values: z.record(z.string(), count),
  missing: count,
  quartiles: z.tuple([z.number(), z.number(), z.number()]).nullable(),
});

const demographicSchema = z.strictObject({
  column: z.string(),
  title: z.string(),
  /** In their order; numbers are put into bands. */
  values: z.array(z.string()),
  cells: z.array(demographicCellSchema),
});

export const summarySchema = z.strictObject({
  format: z.literal('graft-trial-2'),
  name: z.string().min(1),
  /** Version of Graft. */
  version: z.string(),
  startedAt: z.iso.datetime(),
  finishedAt: z.iso.datetime(),
  dataset: z.strictObject({
    name: z.string(),
    hash: z.string(),
    /** 'phantom' for procedural images, which no patient stands behind. */
    kind: z.enum(['images', 'phantom']),
    classes: z.array(z.string()).min(2),
    positive: z.string(),
    licence: z.string().default(''),
    /** What a group is: 'patient', 'lesion', 'image'. */
    group: z.string().default('image'),
  }),
  /** Side of the classifier's input. */
  sizePx: count,
  /** Backbone and start: 'EfficientNet-B0 from scratch'. */
  classifier: z.string(),
  /** AUC of the best possible classifier, where it is known (phantoms). */
  bayesAuc: probability.nullable().default(null),
  /** AUC difference below which two arms count as equal in practice, fixed before the trial. */
  equivalenceMargin: z.number().positive().default(0.02),
  /** Confidence level of intervals, and the power that detectable effects are stated for. */
  level: z.number().min(0.5).lt(1).default(0.95),
  power: z.number().min(0.5).lt(1).default(0.8),
  /**
   * Where seeds were added until the answer was sharp enough: the number of seeds at each look, which of them was the
   * last (from 1), and why it ended there. null: the number of seeds was fixed.
   */
  sequential: z
    .strictObject({
      looks: z.array(count).min(1),
      reached: z.number().int().min(1),
      stopped: z.enum(['narrow', 'decided', 'budget', 'running']),
    })
    .nullable()
    .default(null),
  /** The plan that it was held against; null: not registered. */
  registration: registrationRecordSchema.nullable().default(null),
  arms: z.array(armSchema).min(1),
  /** One a fold: its images by split and class, and its test images. Test images of different folds are disjoint. */
  folds: z
    .array(
      z.strictObject({
        fold: z.number().int().min(1),
        counts: z.array(
          z.strictObject({
            split: z.enum(['train', 'val', 'test']),
            label: z.string(),
            images: count,
            groups: count,
          }),
        ),
        /** Of the columns that are known by their names: sex, age, site. Left out: not recorded. */
        demographics: z.array(demographicSchema).optional(),
        test: testImagesSchema,
      }),
    )
    .min(1),
  /**
   * The same columns of the test images, one value an image, fold by fold in the order of `folds`; '' where missing. Left
   * out: not recorded.
   */
  subgroups: z.array(z.strictObject({ column: z.string(), folds: z.array(z.array(z.string())) })).optional(),
  /** The dataset's way from what was found to what was kept, as its import wrote it. Left out: not known. */
  flow: z
    .array(
      z.strictObject({
        stage: z.string(),
        text: z.string(),
        images: count,
        byLabel: z.record(z.string(), count),
      }),
    )
    .optional(),
  /** External test sets (out of distribution): every run scores all of their images. */
  external: z
    .array(
      z.strictObject({
        name: z.string(),
        hash: z.string(),
        licence: z.string().default(''),
        ...testImagesSchema.shape,
      }),
    )
    .default([]),
  runs: z.array(runSchema).min(1),
  gans: z.array(ganSchema).default([]),
  metrics: z.array(metricSchema).default([]),
  /** Distribution metrics of each GAN's images, as `graft metrics distribution` records them. */
  distribution: z.array(z.strictObject({ gan: z.string(), record: metricRecordSchema })).default([]),
  environment: z.strictObject({
    libtorch: z.string(),
    node: z.string(),
    cpu: z.string(),
    device: z.string(),
    threads: count,
  }),
  /** What it was given that was fitted to images before, of which nobody knows whether they are evaluated here. */
  unknownTraining: z
    .array(z.strictObject({ artefact: z.string(), role: z.string(), why: z.string() }))
    .default([]),
  /** Resolved trial file. */
  configYaml: z.string(),
});

export type SplitScoresRecord = z.infer<typeof splitScoresSchema>;
export type TrialRun = z.infer<typeof runSchema>;
export type ClassifierPoint = z.infer<typeof classifierPointSchema>;
export type TestImages = z.infer<typeof testImagesSchema>;
export type TrialGan = z.infer<typeof ganSchema>;
export type Demographic = z.infer<typeof demographicSchema>;
export type TrialMetric = z.infer<typeof metricSchema>;
export type TrialSummary = z.infer<typeof summarySchema>;

/**
 * Reads the content of a `summary.json`; what the report added to it (analysis, verdict) is computed anew.
 * @throws DataError naming the first key that does not fit.
 */
export function parseSummary(content: unknown): TrialSummary {
  const own = { ...(content as Record<string, unknown>) };
  delete own.analysis;
  delete own.verdict;
  return checkedBy(summarySchema, own, { where: 'Not a trial summary', remedy: '.' });
}
