/**
 * A probe from beginning to end: features of the frozen network, the strength of the penalty by cross-validation over groups
 * inside the training split, logistic regression, scores. What is written is what every classifier run writes; its weights are
 * the last layer's alone, for the network below is the file that the recipe names.
 *
 * Source: linear probes as Kornblith, Shlens & Le, "Do Better ImageNet Models Transfer Better?", CVPR 2019, and Radford et
 * al., ICML 2021, fit them: L-BFGS on frozen features, C swept on held-out data.
 */
import {
  bestDevice,
  type Device,
  dispose,
  engineInfo,
  keep,
  noGrad,
  requireDevice,
  setThreads,
  type Tensor,
  tidy,
} from 'graft-torch';
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
import { type EmbeddedImages, makeEmbedder } from './embed.js';
import { kNearest } from './k-nn.js';
import { fitLogistic } from './logistic.js';
import { macroAuc } from './macro-auc.js';
import { chooseStrength } from './strength.js';
import { type TrainingRows, trainingRows, trainingView } from './training-rows.js';
import { meanOf, testViews, trainingViews } from './views.js';

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
    const held = { val: rowsOf(cache.rows, 'val'), test: rowsOf(cache.rows, 'test') };
    const testView = meanOf(testViews(recipe.tta));
    // Where training images are looked at as the others are, all are read at once.
    const all = [...held.val, ...held.test, ...plan.real];
    const isSame = trainingView(recipe, options)?.name === testView.name;
    const together = await embedder.features(
      real,
      isSame ? all : all.slice(0, held.val.length + held.test.length),
      testView,
    );
    owned.push(together);
    const shown = held.val.length + held.test.length;
    const training = await trainingRows(embedder, recipe, {
      ...{ real, plan, options },
      known: isSame ? { from: together, at: shown } : null,
    });
    owned.push(training.features);
    const seen: Record<EvaluationSplit, Tensor> = {
      val: keep(together.narrow(0, 0, held.val.length)),
      test: keep(together.narrow(0, held.val.length, held.test.length)),
    };
    owned.push(seen.val, seen.test);
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
