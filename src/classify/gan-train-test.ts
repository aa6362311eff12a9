/**
 * GAN-train and GAN-test: what synthetic images are worth to a classifier.
 *
 * - GAN-base: trained on the real images, scored on the real test split: the ceiling.
 * - GAN-train: trained on synthetic images in their place, scored on the same real test split. It falls where the
 *   generator's images are unlike real ones or lack variety (its recall).
 * - GAN-test: GAN-base's classifiers on the synthetic images. It falls where those do not show their class (precision).
 *
 * Shmelkov, Schmid & Alahari, "How good is my GAN?", ECCV 2018. Every classifier is a run folder, trained with the same
 * recipe, steps and seeds; the best checkpoint and the threshold come from the real validation split.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { bestDevice, type Device, requireDevice } from 'graft-torch';
import { ConfigError, DataError, ensureFolder, GraftError, readJson, writeJson } from 'graft-torch/base';
import { type Dataset, framingOf } from '../data/dataset/index.js';
import type { PixelCache } from '../data/pixels/index.js';
import { trainingFraming } from '../image/index.js';
import type { MetricRecord } from '../metrics/sets/index.js';
import {
  type Interrupt,
  InterruptedError,
  requireSameConfig,
  runConditions,
  runStatus,
} from '../run/index.js';
import { type ClassifierRecipe, checkRecipe, classifierRecipeSchema } from './config.js';
import { logitsOf, probability } from './evaluate.js';
import { ganCautions } from './gan-cautions.js';
import { type GanTestResult, type GanTestScore, ganRecords } from './gan-records.js';
import { type Comparison, compareSets, compareTraining, measureAccuracy, measureAuc } from './gan-scores.js';
import { type GanTrainPlan, planGanTrain, type Scope } from './gan-train-plan.js';
import { openModule } from './own.js';
import { type ClassifierResult, openClassifier } from './result.js';
import { type ScoreRow, writeScores } from './scores.js';
import type { SyntheticFolder } from './synthetic-folders.js';
import { type StepFigures, trainClassifier } from './train.js';

export interface GanTrainTestOptions {
  /** The same for every run; `seed` and `real` are set here. */
  config: ClassifierRecipe;
  /** Folder of the runs and of the result. */
  out: string;
  dataset: Dataset;
  /** Pixels of the dataset at `config.imageSize`. */
  cache: PixelCache;
  /** At the same size; checked for leaks as `readSyntheticFolders` does. They stay the caller's. */
  synthetic: readonly SyntheticFolder[];
  /** One classifier a seed and side; default 0, 1, 2. */
  seeds?: readonly number[];
  /** Synthetic images of the positive class that GAN-train takes; default as many as the training split has. */
  count?: number;
  /** Folder of an earlier result on this dataset whose GAN-base runs are taken: they know nothing of the GAN. */
  base?: string;
  interrupt?: Interrupt;
  /** After each step: steps done and to do over all runs, those of finished runs among them. */
  onStep?: (done: number, total: number, figures: StepFigures & { run: string }) => void;
  warn?: (message: string) => void;
}

type Side = 'gan-base' | 'gan-train';

/** One classifier. */
export interface GanRun {
  side: Side;
  seed: number;
  /** Run folder. */
  folder: string;
  valAuc: number;
  testAuc: number;
  /** Chosen on the validation split. */
  threshold: number;
  bestStep: number;
  images: ClassifierResult['images'];
}

export interface GanTrainTestResult {
  scope: Scope;
  dataset: { name: string; hash: string; positive: string };
  seeds: number[];
  /** AUC on the real test split; `real` is GAN-base. */
  ganTrain: Comparison & { images: { test: number; testPositive: number; synthetic: number } };
  /**
   * AUC and accuracy where every class is synthetic; else the share of the synthetic positives that is called positive,
   * beside the same share of the real test positives.
   */
  ganTest: GanTestResult[];
  /** Why the figures may look better, or worse, than the images are; a sentence each. */
  cautions: string[];
  runs: GanRun[];
  records: MetricRecord[];
}

/**
 * Trains (or goes on with, or takes) every classifier, scores, and writes `result.json` and the scores of every
 * synthetic image, `gan-test/seed-<seed>.csv`, into the folder.
 * @throws InterruptedError with everything saved: the same call again goes on; ConfigError where the folder was begun
 * with other images or settings; DataError where the synthetic images do not fit
 */
export async function runGanTrainTest(given: GanTrainTestOptions): Promise<GanTrainTestResult> {
  const { dataset, cache, synthetic, out, seeds = [0, 1, 2] } = given;
  const config = { ...given.config, ...(await openModule(given.config)).keys };
  const options = { ...given, config };
  const repeated = seeds.find((seed, i) => seeds.indexOf(seed) < i);
  if (repeated !== undefined || seeds.length === 0) {
    throw new ConfigError(
      `seeds: ${repeated ?? 'none'} ${repeated === undefined ? 'given' : 'stands twice'}; each run must be independent`,
    );
  }
  if (config.real !== 'all') {
    throw new ConfigError(
      `real=${config.real}: GAN-train chooses its real images itself; leave this key out`,
    );
  }
  checkRecipe(config); // before there is a folder, which cannot be begun again with other settings
  const plan = await planGanTrain(dataset, synthetic, { count: options.count });
  try {
    begin(out, options, plan);
    const runs = await trainAll(options, plan, seeds);
    const of = (side: Side): TrainedRun[] =>
      runs.filter((run) => run.side === side).sort((a, b) => seeds.indexOf(a.seed) - seeds.indexOf(b.seed));
    const [base, train] = [of('gan-base'), of('gan-train')];
    const test = base[0]!.result.testScores;
    const taken = plan.sets.reduce((sum, { files }) => sum + files.length, 0);
    const ganTrain = {
      ...compareTraining(
        train.map(({ result }) => result.testScores),
        base.map(({ result }) => result.testScores),
      ),
      images: {
        test: test.length,
        testPositive: test.filter(({ label }) => label === 1).length,
        synthetic: taken,
      },
    };
    const ganTest = compareCalls(plan.scope, base, await scoreSynthetic(options, plan, base));
    const about = { name: dataset.name, hash: dataset.hash, positive: dataset.positive };
    const result: GanTrainTestResult = {
      scope: plan.scope,
      dataset: about,
      seeds: [...seeds],
      ganTrain,
      ganTest,
      cautions: ganCautions(ganTrain, ganTest, {
        positive: dataset.positive,
        positives: groupsOf(test, 1),
        others: groupsOf(test, 0),
      }),
      runs: [...base, ...train].map(({ side, seed, folder, result }) => {
        const { valAuc, testAuc, bestStep, images, test } = result;
        return { side, seed, folder, valAuc, testAuc, threshold: test.threshold, bestStep, images };
      }),
      records: ganRecords({
        recipe: config,
        seeds,
        scope: plan.scope,
        dataset: about,
        framing: cache.framing,
        testImages: test.length,
        synthetic: { total: taken, positive: plan.counts[dataset.positive]! },
        ganTrain,
        ganTest,
      }),
    };
    writeJson(join(out, 'result.json'), result);
    return result;
  } finally {
    plan.dispose();
  }
}

/** Patients, lesions or images with images of a class. */
const groupsOf = (rows: readonly ScoreRow[], label: 0 | 1): number =>
  new Set(rows.filter((row) => row.label === label).map(({ group }) => group)).size;

/** Makes the folder, or checks that it was begun with the same images and settings. More seeds may come later. */
function begin(out: string, { config, dataset, cache }: GanTrainTestOptions, plan: GanTrainPlan): void {
  const { seed: _seed, ...recipe } = config;
  const setup = {
    dataset: dataset.hash,
    positive: dataset.positive,
    scope: plan.scope,
    counts: plan.counts,
    images: plan.hash,
    fit: cache.framing.fit,
    recipe,
  };
  const path = join(out, 'setup.json');
  if (existsSync(path)) {
    const changeable = [...runConditions, 'evaluationBatchSize'].map((key) => `recipe.${key}`);
    // Keys younger than the folder: their defaults are what was done before them.
    const { seed: _, ...defaults } = classifierRecipeSchema.parse({});
    const was = readJson<typeof setup>(path);
    const before = { ...was, fit: was.fit ?? trainingFraming.fit, recipe: { ...defaults, ...was.recipe } };
    requireSameConfig(path, { was: before, now: setup, changeable });
    return;
  }
  if (existsSync(out) && readdirSync(out).length > 0)
    throw new GraftError(`${out}: holds other files; choose an empty or new folder with --out`);
  ensureFolder(out);
  writeJson(path, setup);
}

interface PlannedRun {
  side: Side;
  seed: number;
  folder: string;
}

interface TrainedRun extends PlannedRun {
  result: ClassifierResult;
}

async function trainAll(
  options: GanTrainTestOptions,
  plan: GanTrainPlan,
  seeds: readonly number[],
): Promise<TrainedRun[]> {
  const { config, dataset, cache, out, base, interrupt, warn } = options;
  const planned = seeds.flatMap((seed): PlannedRun[] => [
    { side: 'gan-base', seed, folder: join(base ?? out, 'gan-base', `seed-${seed}`) },
    { side: 'gan-train', seed, folder: join(out, 'gan-train', `seed-${seed}`) },
  ]);
  const isDone = ({ folder }: PlannedRun): boolean => runStatus(folder) === 'finished';
  const missing =
    base === undefined ? undefined : planned.find((run) => run.side === 'gan-base' && !isDone(run));
  if (missing) {
    throw new DataError(
      `${missing.folder}: no finished GAN-base run of seed ${missing.seed}; finish that result first, or leave --base out`,
    );
  }
  // What has finished comes first, so that the time left is judged by what is to do.
  const ordered = [...planned.filter(isDone), ...planned.filter((run) => !isDone(run))];
  const total = ordered.length * config.steps;
  const trained: TrainedRun[] = [];
  for (const run of ordered) {
    const before = trained.length * config.steps;
    const isTrain = run.side === 'gan-train';
    const result = await trainClassifier({
      config: { ...config, seed: run.seed, real: isTrain ? plan.real : 'all' },
      runDir: run.folder,
      ifExists: 'continue',
      dataset,
      cache,
      synthetic: isTrain ? plan.sets : [],
      interrupt,
      warn,
      onStep: (step, figures) =>
        options.onStep?.(before + step, total, {
          ...figures,
          run: `${isTrain ? 'GAN-train' : 'GAN-base'} seed ${run.seed}`,
        }),
    });
    const seen = (result.framing ?? trainingFraming).fit;
    if (seen !== framingOf(dataset, cache.framing).fit) {
      throw new DataError(
        `${run.folder}: was trained on frames seen as ${seen}, and the generator saw them as ${cache.framing.fit}; leave --base out, or choose another folder`,
      );
    }
    if (result.dataset.hash !== dataset.hash) {
      throw new DataError(
        `${run.folder}: was trained on another state of dataset '${result.dataset.name}'; choose another folder`,
      );
    }
    trained.push({ ...run, result });
  }
  return trained;
}

/** Scores of the plan's synthetic images by every GAN-base classifier, in the order of `base`; written as CSV too. */
async function scoreSynthetic(
  { config, out, interrupt }: GanTrainTestOptions,
  plan: GanTrainPlan,
  base: readonly TrainedRun[],
): Promise<ScoreRow[][]> {
  const device = config.device === 'auto' ? bestDevice() : requireDevice(config.device as Device);
  const scored: ScoreRow[][] = [];
  ensureFolder(join(out, 'gan-test'));
  for (const { folder, seed } of base) {
    if (await interrupt?.poll())
      throw new InterruptedError(`${out}: stopped before GAN-test of seed ${seed}`);
    const { network } = await openClassifier(folder, device);
    const rows: ScoreRow[] = [];
    try {
      for (const { images, files, label, source } of plan.sets) {
        const logits = await logitsOf(network, images, {
          indices: Array.from(files.keys()),
          device,
          batchSize: config.evaluationBatchSize,
        });
        for (const [i, file] of files.entries()) {
          const id = join(source, file);
          rows.push({ id, group: id, label, score: probability(logits[i]!) });
        }
      }
    } finally {
      network.dispose();
    }
    writeScores(join(out, 'gan-test', `seed-${seed}.csv`), rows);
    scored.push(rows);
  }
  return scored;
}

/** GAN-test: the same classifiers and thresholds on synthetic and on real held-out images. */
function compareCalls(
  scope: Scope,
  base: readonly TrainedRun[],
  synthetic: readonly (readonly ScoreRow[])[],
): GanTestResult[] {
  const thresholds = base.map(({ result }) => result.test.threshold);
  const whole = base.map(({ result }) => result.testScores);
  const real = scope === 'all-classes' ? whole : whole.map((rows) => rows.filter(({ label }) => label === 1));
  const images = { real: real[0]!.length, synthetic: synthetic[0]!.length };
  const called = compareSets(measureAccuracy(synthetic, thresholds), measureAccuracy(real, thresholds));
  const result = (score: GanTestScore, comparison: Comparison): GanTestResult => ({
    score,
    ...comparison,
    images,
  });
  if (scope === 'positive-class') return [result('called-positive', called)];
  return [result('auc', compareSets(measureAuc(synthetic), measureAuc(real))), result('accuracy', called)];
}
