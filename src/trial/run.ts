/**
 * Runs a trial: one GAN on the training split, then a classifier for every seed and arm, then the summary. Every
 * part is a run folder of its own inside the trial's; what has finished is not repeated, what was stopped goes on.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { classifierConfigSchema } from '../classify/config.js';
import type { ClassifierResult } from '../classify/result.js';
import { type StepFigures as ClassifierFigures, trainClassifier } from '../classify/train.js';
import type { SyntheticImages } from '../classify/training-set.js';
import { openPixelCache, type PixelCache } from '../data/cache.js';
import { type Dataset, openDataset } from '../data/dataset.js';
import { LINEAGE_FILE, readLineage, requireNoLeak } from '../data/lineage.js';
import { ConfigError, DataError } from '../errors.js';
import { type GanConfig, ganConfigSchema } from '../gan/config.js';
import { openGenerator, sampleToFolder } from '../gan/sample.js';
import type { StepFigures } from '../gan/summary.js';
import { trainGan } from '../gan/train.js';
import { loadFolder } from '../image/folder.js';
import { resolveConfig } from '../run/config.js';
import type { Interrupt } from '../run/interrupt.js';
import { createRun, openRun, type Run, readRunConfig, runStatus } from '../run/run-folder.js';
import { requireSameConfig, runConditions } from '../run/same-config.js';
import { bestDevice, type Device, requireDevice, setThreads, type Tensor, tensor } from '../torch/index.js';
import { collectSummary, type FinishedRun, type TrialSynthetic } from './collect.js';
import { ARMS, asSets, checkTrialConfig, type TrialConfig } from './config.js';
import type { TrialArm, TrialSummary } from './summary.js';

/** What the trial tells while it runs. */
export interface TrialHooks {
  interrupt?: Interrupt;
  /** A part begins: `gan`, or `real+standard, seed 1 (5 of 12)`. */
  onPart?: (title: string) => void;
  onDecode?: (done: number, total: number) => void;
  onGanStep?: (step: number, total: number, figures: StepFigures) => void;
  onSample?: (done: number, total: number) => void;
  onClassifierStep?: (step: number, total: number, figures: ClassifierFigures) => void;
  warn?: (message: string) => void;
}

/**
 * @throws InterruptedError with everything saved; DataError when the GAN saw an evaluation group, or does not fit
 */
export async function runTrial(run: Run, config: TrialConfig, hooks: TrialHooks = {}): Promise<TrialSummary> {
  checkTrialConfig(config);
  const startedAt = new Date().toISOString();
  setThreads(config.threads || undefined);
  const device = config.device === 'auto' ? bestDevice() : requireDevice(config.device as Device);
  const dataset = openDataset(config.data);
  const arms = config.arms.map((name) => ARMS[name]!);

  const synthetic = arms.some((arm) => arm.synthetic)
    ? await makeSynthetic(run, config, dataset, hooks)
    : null;
  const recipe = classifierConfig(config, 0, arms[0]!);
  const cache = await openPixelCache(dataset, recipe.imageSize, { onProgress: hooks.onDecode });
  const extra: SyntheticImages[] = synthetic
    ? [{ images: await readSynthetic(synthetic.dir, recipe.imageSize), label: 1, source: synthetic.dir }]
    : [];

  const finished: FinishedRun[] = [];
  try {
    const total = arms.length * config.seeds.length;
    for (const seed of config.seeds) {
      for (const arm of arms) {
        hooks.onPart?.(`${arm.name}, seed ${seed} (${finished.length + 1} of ${total})`);
        const folder = join('runs', arm.name, `seed-${seed}`);
        const result = await runArm(run, config, { arm, seed, folder, cache, dataset, extra }, hooks);
        finished.push({ arm, seed, folder, result });
        run.event('run', finished.length, {
          arm: arm.name,
          seed,
          testAuc: result.testAuc,
          valAuc: result.valAuc,
        });
      }
    }
  } finally {
    for (const { images } of extra) images.dispose();
    cache.images.dispose();
  }
  const summary = await collectSummary({
    run,
    config,
    dataset,
    device,
    arms,
    finished,
    synthetic,
    recipe,
    startedAt,
  });
  run.finish({ ...summary });
  return summary;
}

/** The classifier's configuration of one arm and seed; only the augmentation and the seed differ between runs. */
function classifierConfig(config: TrialConfig, seed: number, arm: TrialArm) {
  return resolveConfig(classifierConfigSchema, {
    recipe: config.classifier.recipe,
    kind: 'classifier',
    sets: asSets(config.classifier.set),
    flags: [
      { flag: 'data', key: 'data', value: config.data },
      { flag: 'arm', key: 'augmentation', value: arm.standard ? 'standard' : 'none' },
      { flag: 'seeds', key: 'seed', value: seed },
      { flag: 'device', key: 'device', value: config.device },
      { flag: 'threads', key: 'threads', value: config.threads },
    ],
  });
}

interface ArmRun {
  arm: TrialArm;
  seed: number;
  folder: string;
  cache: PixelCache;
  dataset: Dataset;
  extra: SyntheticImages[];
}

function runArm(trial: Run, config: TrialConfig, part: ArmRun, hooks: TrialHooks): Promise<ClassifierResult> {
  const { arm, seed, folder, cache, dataset, extra } = part;
  const { data: _data, synthetic: _synthetic, ...recipe } = classifierConfig(config, seed, arm);
  return trainClassifier({
    config: recipe,
    runDir: trial.path(folder),
    ifExists: 'continue',
    dataset,
    cache,
    synthetic: arm.synthetic ? extra : [],
    interrupt: hooks.interrupt,
    onStep: (step, figures) => hooks.onClassifierStep?.(step, recipe.steps, figures),
    warn: hooks.warn,
  });
}

/** Trains (or takes) the GAN and samples it. */
async function makeSynthetic(
  trial: Run,
  config: TrialConfig,
  dataset: Dataset,
  hooks: TrialHooks,
): Promise<TrialSynthetic> {
  const ganDir = config.gan.run ?? trial.path('gan');
  hooks.onPart?.('GAN');
  if (config.gan.run === null) {
    const ganConfig = resolveConfig(ganConfigSchema, {
      recipe: config.gan.recipe,
      kind: 'gan',
      sets: asSets(config.gan.set),
      flags: [
        { flag: 'data', key: 'data', value: config.data },
        // A conditional GAN learns more classes: gan.set says which.
        { flag: 'positive', key: 'class', value: config.gan.set.class ?? dataset.positive },
        { flag: 'device', key: 'device', value: config.device },
        { flag: 'threads', key: 'threads', value: config.threads },
      ],
    });
    await finishGan(ganDir, ganConfig, hooks);
  }
  const dir = trial.path('synthetic');
  if (!existsSync(join(dir, LINEAGE_FILE))) {
    const generator = await openGenerator(ganDir, {
      device: config.device === 'auto' ? undefined : (config.device as Device),
      threads: config.threads,
    });
    const count = syntheticCount(config, dataset);
    await sampleToFolder(generator, {
      count,
      seed: config.synthetic.seed,
      class: generator.network.classCount > 0 ? dataset.positive : undefined,
      out: dir,
      onProgress: (done) => hooks.onSample?.(done, count),
    });
    generator.network.dispose();
  }
  const lineage = readLineage(dir);
  if (lineage.class !== dataset.positive) {
    throw new DataError(
      `${ganDir}: learned class '${lineage.class}', but the positive class of ${config.data} is '${dataset.positive}'`,
    );
  }
  requireNoLeak(lineage, evaluationGroups(dataset), ganDir);
  return { ganDir, ganConfig: ganConfigSchema.parse(readRunConfig(ganDir).config), dir, lineage };
}

/** Trains, resumes or skips the trial's own GAN. */
async function finishGan(dir: string, config: GanConfig, hooks: TrialHooks): Promise<void> {
  const status = runStatus(dir);
  if (status === 'finished') return;
  const run = status === 'empty' ? createRun(dir, { kind: 'gan', config }) : openRun(dir, { kind: 'gan' });
  try {
    // The trial may have been edited since its GAN was begun.
    requireSameConfig(run.path('config.yaml'), { was: run.config, now: config, changeable: runConditions });
    await trainGan(run, config, {
      interrupt: hooks.interrupt,
      onDecode: hooks.onDecode,
      onStep: (step, figures) => hooks.onGanStep?.(step, config.steps, figures),
      warn: hooks.warn,
    });
  } finally {
    run.close();
  }
}

/** uint8 `[M, 3, sizePx, sizePx]` */
async function readSynthetic(dir: string, sizePx: number): Promise<Tensor> {
  const { data, n } = await loadFolder(dir, { sizePx, fit: 'fill' });
  return tensor(data, [n, 3, sizePx, sizePx]);
}

/** Groups of the validation and test split. */
const evaluationGroups = (dataset: Dataset): Set<string> =>
  new Set(dataset.rows.filter((row) => row.split !== 'train').map((row) => row.group));

/** How many images are added. @throws ConfigError when `balance` has nothing to balance */
function syntheticCount(config: TrialConfig, dataset: Dataset): number {
  if (config.synthetic.count !== 'balance') return config.synthetic.count;
  const train = dataset.rows.filter((row) => row.split === 'train');
  const positives = train.filter((row) => row.label === dataset.positive).length;
  const count = train.length - 2 * positives;
  if (count < 1) {
    throw new ConfigError(
      `synthetic.count: balance: '${dataset.positive}' is not the rarer class of the training split (${positives} of ${train.length}); give a number`,
    );
  }
  return count;
}
