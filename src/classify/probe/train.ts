/**
 * A probe from beginning to end: features of the frozen network, the strength of the penalty by cross-validation over groups
 * inside the training split, logistic regression, scores. What is written is what every classifier run writes; its weights are
 * the last layer's alone, for the network below is the file that the recipe names.
 *
 * Source: linear probes as Kornblith, Shlens & Le, "Do Better ImageNet Models Transfer Better?", CVPR 2019, and Radford et
 * al., ICML 2021, fit them: L-BFGS on frozen features, C swept on held-out data.
 */
import {
  aten,
  bestDevice,
  cat,
  type Device,
  dispose,
  engineInfo,
  keep,
  noGrad,
  requireDevice,
  setThreads,
  type Tensor,
  tensor,
  tidy,
  zeros,
} from 'graft-torch';
import { Random, sha256 } from 'graft-torch/base';
import type { Dataset } from '../../data/dataset/index.js';
import type { PixelCache } from '../../data/pixels/index.js';
import { networkEntry } from '../../models/index.js';
import {
  type Interrupt,
  InterruptedError,
  neverInterrupted,
  noteConditions,
  type Run,
} from '../../run/index.js';
import { type Assessment, assessOutputs } from '../assess.js';
import { classWeightsOf } from '../class-weights.js';
import { concludeRun, noteLearned, warnOfFrames } from '../conclude.js';
import type { ClassifierRecipe } from '../config.js';
import { rowsOf } from '../evaluate.js';
import type { OwnAugmentation } from '../own.js';
import type { ClassifierResult, ProbeSummary } from '../result.js';
import type { EvaluationSplit } from '../scores.js';
import { planTrainingSet, type SyntheticImages, type TrainingPlan } from '../training-set.js';
import { type EmbeddedImages, type Embedder, makeEmbedder } from './embed.js';
import { kNearest } from './k-nn.js';
import { fitLogistic } from './logistic.js';
import { macroAuc } from './macro-auc.js';
import { chooseStrength } from './strength.js';
import { testViews, trainingViews, type View } from './views.js';

export interface TrainProbeOptions {
  dataset: Dataset;
  cache: PixelCache;
  synthetic?: readonly SyntheticImages[] | undefined;
  augmentation?: OwnAugmentation | undefined;
  signal?: AbortSignal | undefined;
  interrupt?: Interrupt | undefined;
  /** Images whose features are there, of those that have to be made at most. */
  onFeatures?: ((done: number, total: number) => void) | undefined;
  /** Told when the features are there (step 0) and when it is fitted and scored (step 1). */
  onStep?: ((step: number) => void) | undefined;
  warn?: ((message: string) => void) | undefined;
}

const float64 = (values: Tensor): Tensor => values.to({ dtype: 'float64' });

/** Training images and their features. */
interface TrainingRows {
  /** float32 `[n, D]`. */
  features: Tensor;
  labels: number[];
  groups: string[];
  /** Rows that are scored out of fold: real ones. */
  scored: boolean[];
}

/**
 * @param recipe with `weightsHash`
 * @throws InterruptedError when it was stopped: features that are there are kept, and found when it goes on
 */
export async function trainProbe(
  run: Run,
  recipe: ClassifierRecipe,
  options: TrainProbeOptions,
): Promise<ClassifierResult> {
  const { dataset, cache, synthetic = [], warn } = options;
  const { classes } = recipe;
  const started = performance.now();
  setThreads(recipe.threads);
  const device = recipe.device === 'auto' ? bestDevice() : requireDevice(recipe.device as Device);
  const plan = planTrainingSet(cache, dataset.positive, { synthetic, real: recipe.real, classes });
  noteLearned(run, recipe, dataset);
  warnOfFrames(options);
  noteConditions(run, 0, { device, engine: engineInfo(), warn });
  const owned: Tensor[] = [];
  const embedder = makeEmbedder(recipe, { device, warn, ...watched(run, recipe, { plan, options }) });
  try {
    const real: EmbeddedImages = {
      images: cache.images,
      names: cache.rows.map(({ sha256: name }) => name),
      conditions: cache.conditions,
    };
    const training = await trainingRows(embedder, recipe, { real, plan, options });
    owned.push(training.features);
    const held = { val: rowsOf(cache.rows, 'val'), test: rowsOf(cache.rows, 'test') };
    const seen = {} as Record<EvaluationSplit, Tensor>;
    for (const split of ['val', 'test'] as const) {
      seen[split] = await meanFeatures(embedder, {
        images: real,
        rows: held[split],
        views: testViews(recipe.tta),
      });
      owned.push(seen[split]);
    }
    const featureSeconds = (performance.now() - started) / 1000;
    options.onStep?.(0);
    return tidy(() =>
      noGrad(() => {
        const fitted = fitRows(recipe, training, plan);
        for (const warning of fitted.warnings) warn?.(warning);
        for (const { strength, logLoss } of fitted.curve) run.event('strength', 0, { strength, logLoss });
        const assessed = {} as Record<EvaluationSplit, Assessment>;
        const neighbours = {} as Record<EvaluationSplit, number>;
        const data = { rows: cache.rows, positive: dataset.positive, classes };
        for (const split of ['val', 'test'] as const) {
          const outputs = float64(seen[split]).matmul(float64(fitted.weights)).add(float64(fitted.bias));
          assessed[split] = assessOutputs(outputs.toArray() as Float64Array, held[split], data);
          const truths = held[split].map((row) => plan.realLabels[row]!);
          const k = Math.min(recipe.probe.neighbours, training.labels.length);
          const shares = kNearest(training.features, training.labels, { queries: seen[split], k });
          neighbours[split] = macroAuc(truths, shares.toArray() as Float64Array);
        }
        options.onStep?.(1);
        const seconds = (performance.now() - started) / 1000;
        const { auc, logLoss } = assessed.val;
        run.event(
          'validation',
          fitted.iterations,
          { valAuc: auc, valLoss: logLoss, learningRate: 0, best: true },
          { seconds },
        );
        const probe: ProbeSummary = {
          strength: fitted.strength,
          curve: fitted.curve,
          features: fitted.weights.shape[0]!,
          views: Math.min(recipe.probe.views, trainingViews(recipe, options.augmentation).length),
          neighbours: { k: recipe.probe.neighbours, valAuc: neighbours.val, testAuc: neighbours.test },
          featureSeconds,
        };
        return concludeRun(run, {
          ...{ recipe, assessed, options, device },
          weights: { tensors: headState(recipe, fitted), metadata: {} },
          counts: plan.counts,
          parameters: fitted.weights.numel + fitted.bias.numel,
          course: {
            ...{ bestStep: fitted.iterations, steps: fitted.iterations, stoppedEarly: false, seconds, probe },
            imagesPerSecond: training.labels.length / seconds,
          },
        });
      }),
    );
  } finally {
    dispose(owned);
    embedder.dispose();
  }
}

/** Progress over all views, and the signals that stop it. */
function watched(
  run: Run,
  recipe: ClassifierRecipe,
  { plan, options }: { plan: TrainingPlan; options: TrainProbeOptions },
): { onBatch: (done: number) => void; poll: () => Promise<void> } {
  const { cache, signal, onFeatures, interrupt = neverInterrupted } = options;
  const trained = plan.counts.real + plan.counts.synthetic;
  const total =
    trained * trainingViews(recipe, options.augmentation).length +
    (rowsOf(cache.rows, 'val').length + rowsOf(cache.rows, 'test').length) * testViews(recipe.tta).length;
  return {
    onBatch: (done) => onFeatures?.(done, total),
    poll: async () => {
      if ((await interrupt.poll()) || signal?.aborted)
        throw new InterruptedError(
          `${run.dir}: stopped while features were made; those that are there are kept`,
        );
    },
  };
}

/**
 * Of each training image, the mean of the features of the views that the seed draws for it. One row an image: on real data
 * that is better than a row a view, and the fit takes a part of the time (docs/experiments.md).
 */
async function trainingRows(
  embedder: Embedder,
  recipe: ClassifierRecipe,
  { real, plan, options }: { real: EmbeddedImages; plan: TrainingPlan; options: TrainProbeOptions },
): Promise<TrainingRows> {
  const { cache, synthetic = [] } = options;
  const sources: { images: EmbeddedImages; rows: readonly number[] }[] = [
    { images: real, rows: plan.real },
    ...synthetic.map(({ images }) => ({
      images: { images, names: namesOf(images), conditions: real.conditions },
      rows: Array.from({ length: images.shape[0]! }, (_, i) => i),
    })),
  ];
  const pool = trainingViews(recipe, options.augmentation);
  const random = new Random(recipe.seed).fork('probe views');
  const parts: Tensor[] = [];
  try {
    let first = 0; // place of a source's first image among all
    for (const { images, rows } of sources) {
      const drawn = rows.map((_, i) => drawViews(random.fork(first + i), pool.length, recipe.probe.views));
      if (rows.length > 0) parts.push(await meanFeatures(embedder, { images, rows, views: pool, drawn }));
      first += rows.length;
    }
    return {
      features: keep(tidy(() => cat(parts))),
      labels: [...plan.real.map((row) => plan.realLabels[row]!), ...plan.syntheticLabels],
      groups: [
        ...plan.real.map((row) => cache.rows[row]!.group),
        ...plan.syntheticLabels.map((_, i) => `synthetic image ${i}`),
      ],
      scored: [...plan.real.map(() => true), ...plan.syntheticLabels.map(() => false)],
    };
  } finally {
    dispose(parts);
  }
}

/** Some of the views, ascending. */
function drawViews(random: Random, pool: number, views: number): number[] {
  const all = Array.from({ length: pool }, (_, i) => i);
  if (views >= pool) return all;
  for (let i = 0; i < views; i++) {
    const other = i + random.int(pool - i);
    [all[i], all[other]] = [all[other]!, all[i]!];
  }
  return all.slice(0, views).sort((a, b) => a - b);
}

/** SHA-256 of each image's pixels. @param images uint8 `[M, C, H, W]` */
function namesOf(images: Tensor): string[] {
  const [count, ...rest] = images.shape as [number, ...number[]];
  const bytes = images.toArray() as Uint8Array;
  const size = rest.reduce((a, b) => a * b, 1);
  return Array.from({ length: count }, (_, i) => sha256(bytes.subarray(i * size, (i + 1) * size)));
}

/**
 * Means over views, whose logits are the means of the views' logits.
 * @param of.drawn of each row the places of its views; default: all
 * @returns float32 `[rows, D]`, which no scope owns
 */
async function meanFeatures(
  embedder: Embedder,
  of: {
    images: EmbeddedImages;
    rows: readonly number[];
    views: readonly View[];
    drawn?: readonly (readonly number[])[];
  },
): Promise<Tensor> {
  const { images, rows, views, drawn } = of;
  let sum: Tensor | null = null;
  try {
    for (const [index, view] of views.entries()) {
      const seen = drawn ? rows.flatMap((_, i) => (drawn[i]!.includes(index) ? [i] : [])) : [...rows.keys()];
      if (seen.length === 0) continue;
      const features = await embedder.features(
        images,
        seen.map((i) => rows[i]!),
        view,
      );
      tidy(() => {
        const whole = [rows.length, features.shape[1]!];
        sum ??= keep(zeros(whole));
        sum.add_(
          aten.index_copy_(zeros(whole), 0, tensor(seen, [seen.length], { dtype: 'int64' }), features),
        );
      });
      features.dispose();
    }
    const each = drawn?.[0]?.length ?? views.length;
    tidy(() => void sum!.div_(each));
    return sum!;
  } catch (error) {
    (sum as Tensor | null)?.dispose();
    throw error;
  }
}

interface Fitted {
  /** float32 `[D, K]` and `[K]`, as they are stored. */
  weights: Tensor;
  bias: Tensor;
  strength: number;
  curve: ProbeSummary['curve'];
  iterations: number;
  warnings: readonly string[];
}

function fitRows(recipe: ClassifierRecipe, training: TrainingRows, plan: TrainingPlan): Fitted {
  const { features, labels, groups, scored } = training;
  const { classWeights: weighting, sampler, effectiveBeta: beta, posWeight, target, probe, seed } = recipe;
  const classWeights =
    sampler === 'balanced' || weighting === 'inverse'
      ? ('balanced' as const)
      : weighting === 'none'
        ? target === 'binary'
          ? [1, posWeight]
          : ('none' as const)
        : classWeightsOf(plan.classCounts, { weighting, beta });
  const common = { classes: plan.classCounts.length, classWeights, standardise: true };
  const chosen =
    probe.strength === null
      ? chooseStrength(features, labels, { ...common, groups, scored, seed, folds: probe.folds })
      : { strength: probe.strength, curve: [], warnings: [] };
  const model = fitLogistic(features, labels, { ...common, strength: chosen.strength });
  return {
    weights: model.weights.float(),
    bias: model.bias.float(),
    strength: chosen.strength,
    curve: chosen.curve.map(({ strength, mean, standardError }) => ({
      strength,
      logLoss: mean,
      standardError,
    })),
    iterations: model.iterations,
    warnings: chosen.warnings,
  };
}

/** The last layer under the network's own keys. */
function headState(recipe: ClassifierRecipe, { weights, bias }: Fitted): Record<string, Tensor> {
  const { classifierKey } = networkEntry(recipe.architecture);
  return {
    [`${classifierKey}.weight`]: weights.t().contiguous(),
    [`${classifierKey}.bias`]: bias,
  };
}
