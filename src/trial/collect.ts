/** From the finished parts of a trial to its summary: what the analysis, the verdict and the report work from. */
import { cpus } from 'node:os';
import { basename, relative } from 'node:path';
import type { ClassifierConfig } from '../classify/config.js';
import type { ClassifierResult } from '../classify/result.js';
import { scoreSummary } from '../classify/scores.js';
import { openPixelCache } from '../data/cache.js';
import type { Dataset } from '../data/dataset.js';
import type { Lineage } from '../data/lineage.js';
import type { GanConfig } from '../gan/config.js';
import type { GanSummary } from '../gan/summary.js';
import { loadFolder } from '../image/folder.js';
import { writeGridPng } from '../image/grid.js';
import { imageMetrics } from '../metrics/image.js';
import { Random } from '../random.js';
import { configToYaml } from '../run/config.js';
import { graftVersion } from '../run/package.js';
import { type Run, readRun } from '../run/run-folder.js';
import { meanAndDeviation } from '../stats/paired.js';
import { engineInfo, gatherRows } from '../torch/index.js';
import { type TrialConfig, trialConfigSchema } from './config.js';
import {
  summarySchema,
  type TrialArm,
  type TrialGan,
  type TrialMetric,
  type TrialRun,
  type TrialSummary,
} from './summary.js';

/** Images in each of the two grids of the report, and most pairs of an image metric. */
const GRID_IMAGES = 48;
const METRIC_PAIRS = 500;

/** The synthetic part of a trial: none where no arm asks for it. */
export interface TrialSynthetic {
  ganDir: string;
  ganConfig: GanConfig;
  /** Folder of the images. */
  dir: string;
  lineage: Lineage;
}

export interface FinishedRun {
  arm: TrialArm;
  seed: number;
  /** Relative to the trial's folder. */
  folder: string;
  result: ClassifierResult;
}

export interface TrialParts {
  run: Run;
  config: TrialConfig;
  dataset: Dataset;
  device: string;
  arms: TrialArm[];
  finished: FinishedRun[];
  synthetic: TrialSynthetic | null;
  recipe: ClassifierConfig;
  startedAt: string;
}

/** @throws DataError (from the schema's users) where parts do not fit together */
export async function collectSummary(parts: TrialParts): Promise<TrialSummary> {
  const { run, config, dataset, arms, finished, synthetic, recipe } = parts;
  const first = finished[0]!.result.testScores;
  const pictures = synthetic ? await compareImages(run, dataset, synthetic) : null;
  const info = engineInfo();
  return summarySchema.parse({
    format: 'graft-trial-1',
    name: config.name,
    version: graftVersion(),
    startedAt: parts.startedAt,
    finishedAt: new Date().toISOString(),
    dataset: {
      name: dataset.name,
      hash: dataset.hash,
      kind: dataset.kind,
      classes: dataset.classes,
      positive: dataset.positive,
      licence: dataset.licence,
      group: dataset.groupedBy,
      counts: splitCounts(dataset),
    },
    sizePx: recipe.imageSize,
    classifier: `${recipe.architecture.replace('efficientnet-', 'EfficientNet-').toUpperCase().replace('EFFICIENTNET', 'EfficientNet')} ${recipe.weights ? `from ${basename(recipe.weights)}` : 'from scratch'}`,
    bayesAuc: dataset.bayesAuc ?? null,
    equivalenceMargin: config.equivalenceMargin,
    arms,
    test: {
      ids: first.map((row) => row.id),
      groups: first.map((row) => row.group),
      labels: first.map((row) => row.label),
    },
    runs: finished.map((one) => trialRun(one, recipe.batchSize)),
    gans: synthetic && pictures ? [trialGan(run, synthetic, pictures)] : [],
    metrics: pictures?.metrics ?? [],
    environment: {
      libtorch: info.libtorch,
      node: process.version,
      cpu: cpus()[0]?.model.trim() ?? 'unknown',
      device: parts.device,
      threads: info.threads,
    },
    configYaml: configToYaml(config, { schema: trialConfigSchema }),
  });
}

function splitCounts(dataset: Dataset): TrialSummary['dataset']['counts'] {
  return (['train', 'val', 'test'] as const).flatMap((split) =>
    dataset.classes.map((label) => {
      const rows = dataset.rows.filter((row) => row.split === split && row.label === label);
      return { split, label, images: rows.length, groups: new Set(rows.map((row) => row.group)).size };
    }),
  );
}

function trialRun({ arm, seed, folder, result }: FinishedRun, batchSize: number): TrialRun {
  return {
    arm: arm.name,
    seed,
    folder,
    realImages: result.images.real,
    syntheticImages: result.images.synthetic,
    optimiserSteps: result.steps,
    bestStep: result.bestStep,
    seconds: result.seconds,
    validation: scoreSummary(result.valScores, result.test.threshold),
    test: result.test,
    testScores: result.testScores.map((row) => row.score),
    curve: result.curve.map((point) => ({
      step: point.step,
      epoch: (point.step * batchSize) / (result.images.real + result.images.synthetic),
      trainLoss: point.trainLoss,
      validationLoss: point.valLoss,
      validationAuc: point.valAuc,
    })),
  };
}

interface Comparison {
  realGrid: string;
  syntheticGrid: string;
  metrics: TrialMetric[];
}

/** Grids of both kinds, and the full-reference metrics between them with their null. */
async function compareImages(run: Run, dataset: Dataset, synthetic: TrialSynthetic): Promise<Comparison> {
  const { imageSize } = synthetic.lineage;
  const cache = await openPixelCache(dataset, imageSize);
  const rows = cache.rows.flatMap((row, i) =>
    row.split === 'train' && row.label === dataset.positive ? [i] : [],
  );
  const real = await gatherRows(cache.images, new Random(0).shuffle(rows));
  const size = { height: imageSize, width: imageSize };
  const realSet = { data: real.toArray() as Uint8Array, n: rows.length, ...size };
  const fakeSet = await loadFolder(synthetic.dir, { sizePx: imageSize, fit: 'fill' });
  for (const images of [real, cache.images]) images.dispose();
  const paths = { realGrid: run.path('real.png'), syntheticGrid: run.path('synthetic.png') };
  await writeGridPng({ ...realSet, n: Math.min(GRID_IMAGES, realSet.n) }, paths.realGrid, { columns: 8 });
  await writeGridPng({ ...fakeSet, n: Math.min(GRID_IMAGES, fakeSet.n) }, paths.syntheticGrid, {
    columns: 8,
  });
  const { records, pairs } = imageMetrics(realSet, fakeSet, { limit: METRIC_PAIRS });
  const spread = (scores: Float64Array) => ({ ...meanAndDeviation(scores), n: scores.length });
  const metrics = records.map(
    ({ metric, name, unit, better, protocol }): TrialMetric => ({
      gan: basename(synthetic.ganDir),
      name,
      unit,
      better: better === 'higher' ? 'higher' : 'lower',
      realSynthetic: spread(pairs.synthetic.scores[metric]!),
      realReal: pairs.realNull && spread(pairs.realNull.scores[metric]!),
      protocol: `${protocol.pairing}; ${imageSize} px; values ${protocol.values}; ${protocol.settings}`,
    }),
  );
  return { ...paths, metrics };
}

function trialGan(trial: Run, synthetic: TrialSynthetic, pictures: Comparison): TrialGan {
  const { ganDir, ganConfig, lineage } = synthetic;
  const { events, summary } = readRun(ganDir);
  const finished = summary as unknown as GanSummary;
  return {
    name: basename(ganDir),
    recipe: `${ganConfig.architecture}-${ganConfig.imageSize}`,
    label: lineage.class,
    seed: ganConfig.seed,
    steps: finished.steps,
    batchSize: ganConfig.batchSize,
    seconds: finished.seconds,
    trainingImages: finished.trainingImages,
    sampledImages: lineage.count,
    sizePx: lineage.imageSize,
    curve: events
      .filter((event) => event.type === 'losses')
      .map((event) => ({
        step: event.step,
        discriminatorLoss: event.discriminatorLoss as number,
        generatorLoss: event.generatorLoss as number,
      })),
    realGrid: relative(trial.dir, pictures.realGrid),
    syntheticGrid: relative(trial.dir, pictures.syntheticGrid),
    lineage: {
      run: lineage.run,
      checkpoint: lineage.checkpoint.file,
      datasetHash: lineage.dataset.hash,
    },
  };
}
