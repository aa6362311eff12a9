/**
 * A made-up trial for tests of the analysis and the report: scores come from a binormal model with known
 * effects, so that what the statistics should find is known. Nothing here was trained.
 */
import { Random } from 'graft-torch/base';
import { chooseThreshold, splitScores } from '../stats/scores.js';
import { resolveArms, sweepSchema, type TrialArm } from './arms.js';
import { demographicsOf, testSubgroups } from './demographics.js';
import { type SplitScoresRecord, summarySchema, type TrialSummary } from './summary.js';

export interface ExampleOptions {
  seeds?: number;
  testImages?: number;
  /** Shift of positives by arm: what training achieved. */
  shifts?: Partial<Record<string, number>>;
  /** Standard deviation of the shift over seeds. */
  wobble?: number;
  /** Deviation of a seed's own noise an image. */
  noise?: number;
  seed?: number;
  arms?: TrialArm[];
  /** Folds, each with test images of its own. */
  folds?: number;
  /** Names of external test sets, of 150 images each. */
  external?: string[];
  /** Sex, age and site of the images, and the import's flow. */
  metadata?: boolean;
}

export const fourArms: TrialArm[] = resolveArms(
  ['real', 'real+standard', 'real+synthetic', 'real+standard+synthetic'],
  sweepSchema.parse({}),
  { gans: ['sngan-64'], amount: 'balance', choice: 'random' },
);

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

const labelsOf = ['benign', 'malignant'];

/** Sex, age and site without any bearing on the scores. */
function exampleMetadata(tests: readonly { labels: readonly (0 | 1)[] }[], classes: readonly string[]) {
  const random = new Random(77);
  const rowOf = (id: string, split: 'train' | 'val' | 'test', label: string) => ({
    id,
    split,
    label,
    extra: {
      sex: random.chance(0.05) ? '' : random.chance(0.5) ? 'female' : 'male',
      age_approx: String(
        5 * Math.min(17, Math.max(3, Math.round((label === 'malignant' ? 12 : 9) + 3 * random.normal()))),
      ),
      anatom_site_general: ['torso', 'lower extremity', 'upper extremity', 'palms/soles'][
        Math.min(3, Math.floor(4.1 * random.next() ** 1.6))
      ]!,
      patient_id: id,
    },
  });
  const folds = tests.map(({ labels }, fold) => [
    ...[...Array(1400).keys()].map((i) =>
      rowOf(`${fold}-T${i}`, i < 1200 ? 'train' : 'val', classes[i % 5 === 0 ? 1 : 0]!),
    ),
    ...testImagesOf(labels, fold === 0 ? '' : `${fold + 1}-`).ids.map((id, i) =>
      rowOf(id, 'test', classes[labels[i]!]!),
    ),
  ]);
  return {
    demographics: folds.map((rows) => demographicsOf(rows, classes)),
    subgroups: (sets: readonly { ids: readonly string[] }[]) =>
      testSubgroups(
        folds.flat(),
        sets.map((test) => ({ test })),
      ),
    flow: [
      { stage: 'found', text: 'found', images: 2103, byLabel: { benign: 1655, malignant: 421, '': 27 } },
      { stage: 'no-label', text: 'no label', images: 2076, byLabel: { benign: 1655, malignant: 421 } },
      {
        stage: 'unreadable',
        text: 'cannot be read',
        images: 2051,
        byLabel: { benign: 1633, malignant: 418 },
      },
      {
        stage: 'duplicate',
        text: 'exact copy of another',
        images: 1800,
        byLabel: { benign: 1440, malignant: 360 },
      },
    ],
  };
}

const testImagesOf = (labels: readonly (0 | 1)[], prefix: string) => ({
  ids: labels.map((_, i) => `${prefix}P${String(i).padStart(5, '0')}`),
  groups: labels.map((_, i) => `${prefix}lesion-${Math.floor(i / 1.03)}`),
  labels,
});

export function exampleSummary(options: ExampleOptions = {}): TrialSummary {
  const { seeds = 3, testImages = 400, wobble = 0.05, noise = 0.4, arms = fourArms } = options;
  const { folds = 1, external = [] } = options;
  const shifts: Record<string, number> = {
    real: 0.9,
    'real+standard': 1.1,
    'real+synthetic': 0.95,
    'real+standard+synthetic': 1.12,
    ...options.shifts,
  };
  const random = new Random(options.seed ?? 11);
  const imagesOf = (n: number) => {
    const labels = Array.from({ length: n }, (_, i) => (i % 5 === 0 ? (1 as const) : (0 as const)));
    return { labels, hardness: labels.map(() => random.normal()) };
  };
  const tests = Array.from({ length: folds }, () => imagesOf(testImages));
  const externalSets = external.map((name) => ({ name, images: imagesOf(150) }));
  const validation = imagesOf(200);
  const stepsTotal = 600;
  const runs = arms.flatMap((arm) =>
    Array.from({ length: folds * seeds }, (_, position) => {
      const index = position % seeds;
      const fold = Math.floor(position / seeds) + 1;
      const test = tests[fold - 1]!;
      const shift = (shifts[arm.name] ?? 1) + wobble * random.normal();
      const scoresOf = ({ labels, hardness }: ReturnType<typeof imagesOf>): number[] =>
        labels.map((label, i) =>
          Number(sigmoid(shift * label + hardness[i]! + random.normal(0, noise) - 1.2).toFixed(5)),
        );
      const validationScores = scoresOf(validation);
      const testScores = scoresOf(test);
      const threshold = chooseThreshold(validation.labels, validationScores);
      const seconds = 60 + 4 * random.next();
      return {
        arm: arm.name,
        fold,
        seed: index + 1,
        folder: `runs/fold-${fold}/${arm.name}/seed-${index + 1}`,
        realImages: 1200,
        syntheticImages: arm.synthetic ? 480 : 0,
        optimiserSteps: stepsTotal,
        bestStep: 400,
        seconds,
        validation: splitScores(validation.labels, validationScores, threshold) as SplitScoresRecord,
        test: splitScores(test.labels, testScores, threshold) as SplitScoresRecord,
        testScores,
        externalScores: Object.fromEntries(externalSets.map(({ name, images }) => [name, scoresOf(images)])),
        curve: Array.from({ length: 15 }, (_, i) => ({
          step: (i + 1) * 40,
          epoch: i + 1,
          trainLoss:
            0.15 +
            0.4 * Math.exp(-i / 5) +
            0.015 * random.normal() +
            (arm.augmentation === 'standard' ? 0.06 : 0),
          validationLoss: 0.42 + 0.1 * Math.exp(-i / 3) + 0.004 * i + 0.01 * random.normal(),
          validationAuc: 0.78 - 0.2 * Math.exp(-i / 3) + 0.01 * random.normal(),
        })),
      };
    }),
  );
  const known = options.metadata ? exampleMetadata(tests, labelsOf) : null;
  return summarySchema.parse({
    format: 'graft-trial-2',
    name: 'example',
    version: '0.1.0',
    startedAt: '2026-11-02T08:00:00Z',
    finishedAt: '2026-11-02T08:21:40Z',
    dataset: {
      name: 'phantoms-2000',
      hash: 'b7c2e1f09a3d4c55',
      kind: 'phantom',
      classes: ['benign', 'malignant'],
      positive: 'malignant',
      licence: 'CC0-1.0',
      group: 'lesion',
    },
    sizePx: 64,
    classifier: 'EfficientNet-B0 from scratch',
    bayesAuc: 0.93,
    arms,
    folds: tests.map((test, index) => ({
      fold: index + 1,
      counts: [
        { split: 'train', label: 'benign', images: 960, groups: 940 },
        { split: 'train', label: 'malignant', images: 240, groups: 231 },
        { split: 'val', label: 'benign', images: 160, groups: 158 },
        { split: 'val', label: 'malignant', images: 40, groups: 40 },
        { split: 'test', label: 'benign', images: testImages - Math.ceil(testImages / 5), groups: 310 },
        { split: 'test', label: 'malignant', images: Math.ceil(testImages / 5), groups: 78 },
      ],
      ...(known && { demographics: known.demographics[index]! }),
      test: testImagesOf(test.labels, index === 0 ? '' : `${index + 1}-`),
    })),
    ...(known && {
      subgroups: known.subgroups(
        tests.map((test, i) => testImagesOf(test.labels, i === 0 ? '' : `${i + 1}-`)),
      ),
      flow: known.flow,
    }),
    external: externalSets.map(({ name, images }) => ({
      name,
      hash: 'e1c0',
      licence: 'CC0-1.0',
      ...testImagesOf(images.labels, `${name}-`),
    })),
    runs,
    gans: [
      {
        name: 'sngan-64',
        fold: 1,
        realFraction: 1,
        recipe: 'sngan-64',
        label: 'malignant',
        seed: 7,
        steps: 2600,
        batchSize: 16,
        seconds: 1310,
        trainingImages: 240,
        sampledImages: 480,
        sizePx: 64,
        curve: Array.from({ length: 2600 }, (_, i) => ({
          step: i + 1,
          discriminatorLoss: 1.1 + 0.3 * Math.exp(-i / 200) + 0.1 * random.normal(),
          generatorLoss: 1.0 + 0.6 * (1 - Math.exp(-i / 400)) + 0.22 * random.normal(),
        })),
        realGrid: null,
        syntheticGrid: null,
        lineage: { run: 'gan/00001-sngan-64', checkpoint: 'step-002600', datasetHash: 'b7c2e1f09a3d4c55' },
      },
    ],
    metrics: [
      {
        gan: 'sngan-64',
        name: 'PSNR',
        unit: 'dB',
        better: 'higher',
        realSynthetic: { mean: 13.63, deviation: 2.31, n: 200 },
        realReal: { mean: 13.01, deviation: 2.48, n: 200 },
        protocol: '200 random pairs at 64 px, values in [0, 1]',
      },
      {
        gan: 'sngan-64',
        name: 'SSIM',
        better: 'higher',
        realSynthetic: { mean: 0.289, deviation: 0.11, n: 200 },
        realReal: { mean: 0.307, deviation: 0.13, n: 200 },
        protocol: '200 random pairs at 64 px, 11×11 Gaussian window',
      },
    ],
    environment: {
      libtorch: '1.13.1',
      node: 'v20.20.0',
      cpu: 'AMD EPYC (2 cores)',
      device: 'cpu',
      threads: 2,
    },
    configYaml:
      'name: example\nseeds: [1, 2, 3]\narms:\n  - real\n  - real+standard\n  - real+synthetic\n  - real+standard+synthetic\nclassifier:\n  backbone: efficientnet-b0\n  sizePx: 64\n  steps: 600\n  batchSize: 32\nequivalenceMargin: 0.02\n',
  });
}
