/** The scores that `graft classify evaluate` works from: those that a finished run holds, or made anew. */
import type { Command } from 'commander';
import type {
  ClassifierConfig,
  ClassScoreRow,
  EvaluationSplit,
  ScoredSplit,
  ScoreRow,
} from '../classify/index.js';
import {
  framingOfRun,
  isOf,
  oneAgainstRest,
  openClassifier,
  readStoredClassScores,
  readStoredScores,
  scoreClasses,
  scoreSplit,
  showingOfRun,
} from '../classify/index.js';
import type { TestTimeAugmentation } from '../data/augment/index.js';
import type { Dataset } from '../data/dataset/index.js';
import { openDataset, otherRange } from '../data/dataset/index.js';
import { readRun, withProgress } from '../run/index.js';
import { openData, reopenData } from './classify-data.js';
import { globalOptions, notice, startEngine } from './common.js';

export interface ScoringFlags {
  split: ScoredSplit;
  /** Another dataset than the run's. */
  data?: string;
  tta?: TestTimeAugmentation;
  fresh?: boolean;
  /** The dataset, wherever it lies, is the one that the run learned from. */
  own: boolean;
}

/** Scores of some images. */
export interface Scores {
  /** The positive class against the rest. */
  rows: ScoreRow[];
  /** Every class, where the run tells several apart. */
  classRows: ClassScoreRow[] | null;
}

/** What is scored, and what threshold and temperature come from. */
export interface Scored {
  dataset: Dataset;
  tested: Scores;
  validation: Scores;
  tta: TestTimeAugmentation;
  stored: boolean;
}

/** Scores of the images under test, and of the validation images, made in the same way. */
export const scoresFor = async (
  dir: string,
  flags: ScoringFlags,
  config: ClassifierConfig,
  command: Command,
): Promise<Scored> =>
  (await storedScores(dir, flags, config)) ?? (await freshScores(dir, flags, config, command));

/** What the finished run has written down, where that is what is asked for; it needs no engine and no pixels. */
async function storedScores(
  dir: string,
  flags: ScoringFlags,
  config: ClassifierConfig,
): Promise<Scored | null> {
  const { split, data, tta, fresh, own } = flags;
  if (
    fresh ||
    (data !== undefined && !own) ||
    split === 'train' ||
    split === 'all' ||
    (tta ?? config.tta) !== config.tta
  )
    return null;
  const [tested, validation] = [await readStored(dir, split, config), await readStored(dir, 'val', config)];
  if (!tested || !validation) return null;
  const dataset = openDataset(data ?? config.data);
  const { summary } = readRun(dir);
  const trainedOn = (summary as { dataset?: { hash?: string } } | undefined)?.dataset?.hash;
  // Another dataset at the same place: its images have no scores yet.
  if (trainedOn !== dataset.hash) return null;
  return { dataset, tested, validation, tta: config.tta, stored: true };
}

async function readStored(
  dir: string,
  split: EvaluationSplit,
  { target, classes }: ClassifierConfig,
): Promise<Scores | null> {
  const rows = readStoredScores(dir, split);
  const classRows = target === 'classes' ? readStoredClassScores(dir, split, classes) : null;
  return rows === null || (target === 'classes' && classRows === null) ? null : { rows, classRows };
}

async function freshScores(
  dir: string,
  flags: ScoringFlags,
  config: ClassifierConfig,
  command: Command,
): Promise<Scored> {
  const { quiet } = globalOptions(command);
  const device = await startEngine(command);
  const { network } = await openClassifier(dir, device);
  const how = { quiet, framing: framingOfRun(dir), channels: config.channels ?? 3 } as const;
  const tta = flags.tta ?? config.tta;
  const { classes, evaluationBatchSize: batchSize } = config;
  const scoreOf = async (
    opened: Awaited<ReturnType<typeof openData>>,
    split: ScoredSplit,
  ): Promise<Scores> => {
    const { images, rows: all } = opened.cache;
    const total = all.filter((row) => isOf(split, row)).length;
    return withProgress({ label: `scoring ${split}`, total, unit: 'images', quiet }, async (bar) => {
      const how = { split, device, batchSize, tta, onBatch: (done: number) => bar.update(done) };
      if (config.target === 'binary') {
        const { positive } = opened.dataset;
        return {
          rows: await scoreSplit(network, { images, rows: all, positive }, how),
          classRows: null,
        };
      }
      const classRows = await scoreClasses(network, { images, rows: all, classes }, how);
      return { rows: oneAgainstRest(classRows, classes, 0), classRows };
    });
  };
  const opened =
    flags.data === undefined
      ? await reopenData(dir, config, how)
      : await openData(flags.data, config.imageSize, how);
  const apart = otherRange(opened.dataset.intensity ?? [], showingOfRun(dir).ranges);
  if (apart !== null) notice(command, `graft: warning: ${opened.dataset.dir}: ${apart}`);
  try {
    const tested = await scoreOf(opened, flags.split);
    // Threshold and temperature are the run's own: from its validation split, scored as the images under test are.
    const stored = tta === config.tta ? await readStored(dir, 'val', config) : null;
    const validation = stored ?? (await validationScores());
    return { dataset: opened.dataset, tested, validation, tta, stored: false };
  } finally {
    network.dispose();
    opened.cache.images.dispose();
  }

  async function validationScores(): Promise<Scores> {
    if (flags.own) return scoreOf(opened, 'val');
    const own = await reopenData(dir, config, how);
    try {
      return await scoreOf(own, 'val');
    } finally {
      own.cache.images.dispose();
    }
  }
}
