/**
 * What every classifier run writes, however it was trained: at its beginning what it learns from, at its end scores, weights
 * and summary.
 */
import { type Device, saveSafetensors, type Tensor } from 'graft-torch';
import { type Dataset, frameCautions, framingOf, photographSize } from '../data/dataset/index.js';
import type { Fit } from '../data/lineage/index.js';
import type { PixelCache } from '../data/pixels/index.js';
import { fittedMetadata, ownFit, partsOf, readRecord, writeLearned, writeRecord } from '../lineage/index.js';
import { SIDE_KEY } from '../models/index.js';
import { conditionsOf, type Run, readEvents, runFiles } from '../run/index.js';
import type { Assessment } from './assess.js';
import type { ClassifierRecipe } from './config.js';
import { networkTitle } from './own.js';
import {
  type ClassifierResult,
  type ClassifierSummary,
  classScoresPath,
  readClassifierResult,
  scoresPath,
  weightsPath,
} from './result.js';
import {
  aucIntervalOf,
  aucOf,
  type EvaluationSplit,
  scoreSummary,
  writeClassScores,
  writeScores,
} from './scores.js';

/** Writes down what the run learns from. */
export function noteLearned(run: Run, recipe: ClassifierRecipe, dataset: Dataset): void {
  writeLearned(run.dir, dataset);
  writeRecord(run.dir, () => recordOf(run, recipe, dataset));
}

/** What the run will have been fitted to. */
const recordOf = (run: Run, { real }: ClassifierRecipe, { rows, ...dataset }: Dataset): Fit[] => [
  ownFit('classifier', dataset, {
    train: rows.filter(
      ({ split, label }) =>
        split === 'train' && (real === 'all' || (real === 'negatives' && label !== dataset.positive)),
    ),
    val: rows.filter(({ split }) => split === 'val'),
  }),
  ...partsOf('classifier', run.config),
];

/** Says what becomes of training images on the way to squares. */
export function warnOfFrames({
  dataset,
  cache,
  warn,
}: {
  dataset: Dataset;
  cache: PixelCache;
  warn?: ((message: string) => void) | undefined;
}): void {
  const { fit } = framingOf(dataset, cache.framing);
  const learned = dataset.rows.filter(({ split }) => split === 'train');
  for (const caution of frameCautions(learned.map(photographSize), { sizePx: cache.sizePx, fit }))
    warn?.(caution);
}

export interface Conclusion {
  recipe: ClassifierRecipe;
  device: Device;
  options: { dataset: Dataset; cache: PixelCache };
  assessed: Record<EvaluationSplit, Assessment>;
  /** Of the run's own file, with what else they need to be used elsewhere. */
  weights: { tensors: Record<string, Tensor>; metadata: Record<string, string> };
  counts: ClassifierSummary['images'];
  parameters: number;
  course: Pick<
    ClassifierSummary,
    'bestStep' | 'choice' | 'steps' | 'stoppedEarly' | 'seconds' | 'imagesPerSecond' | 'probe'
  >;
}

/** Writes scores, weights and summary, and finishes the run. */
export function concludeRun(run: Run, conclusion: Conclusion): ClassifierResult {
  const { recipe, assessed, options, device, weights, counts, parameters, course } = conclusion;
  const { dataset, cache } = options;
  const { classes } = recipe;
  const { val, test } = assessed;
  for (const split of ['val', 'test'] as const) {
    const { rows, byClass } = assessed[split];
    writeScores(scoresPath(run.dir, split), rows);
    if (byClass) writeClassScores(classScoresPath(run.dir, split), byClass.rows, classes);
  }
  const fitted = readRecord({ dir: run.dir, summary: undefined });
  saveSafetensors(weightsPath(run.dir), weights.tensors, {
    architecture: networkTitle(recipe),
    [SIDE_KEY]: String(recipe.imageSize),
    ...weights.metadata,
    ...fittedMetadata(fitted),
  });
  const { threshold } = scoreSummary(val.rows);
  const summary: ClassifierSummary = {
    valAuc: aucOf(val.rows),
    testAuc: aucOf(test.rows),
    testAucInterval: aucIntervalOf(test.rows),
    test: scoreSummary(test.rows, threshold),
    ...(val.byClass && test.byClass
      ? { byClass: { val: val.byClass.summary, test: test.byClass.summary } }
      : {}),
    ...course,
    images: counts,
    dataset: { name: dataset.name, hash: dataset.hash, positive: dataset.positive },
    ...(fitted ? { fitted } : {}),
    framing: framingOf(dataset, cache.framing),
    ...(dataset.intensity ? { intensity: dataset.intensity } : {}),
    parameters,
    device,
    conditions: conditionsOf(readEvents(run.path(runFiles.events))),
  };
  run.finish({ ...summary });
  return readClassifierResult(run.dir);
}
