/** Scores of images by a run: those that it has written down when it finished, or made anew. */
import type { Device } from 'graft-torch';
import type { TestTimeAugmentation } from '../data/augment/index.js';
import { type Dataset, openDataset, otherRange } from '../data/dataset/index.js';
import type { PixelCache } from '../data/pixels/index.js';
import type { Channels, Framing } from '../image/index.js';
import { readRun } from '../run/index.js';
import type { ClassifierConfig } from './config.js';
import { scoreClasses, scoreSplit } from './evaluate.js';
import {
  framingOfRun,
  openClassifier,
  readClassifierConfig,
  readStoredClassScores,
  readStoredScores,
  showingOfRun,
} from './result.js';
import {
  type ClassScoreRow,
  type EvaluationSplit,
  isOf,
  oneAgainstRest,
  type ScoredSplit,
  type ScoreRow,
} from './scores.js';

/** Scores of some images. */
export interface Scores {
  /** The positive class against the rest. */
  rows: ScoreRow[];
  /** Every class, where the run tells several apart. */
  classRows: ClassScoreRow[] | null;
}

/** What is scored, and what threshold and temperature come from. */
export interface ScoredRun {
  dataset: Dataset;
  tested: Scores;
  validation: Scores;
  tta: TestTimeAugmentation;
  /** The run had them. */
  stored: boolean;
}

/** A dataset and its pixels, which whoever opened them disposes. */
export interface OpenedData {
  dataset: Dataset;
  cache: PixelCache;
}

export interface ScoreRunOptions {
  split: ScoredSplit;
  /** Another dataset than the run's. */
  data?: string;
  /** Default the run's. */
  tta?: TestTimeAugmentation;
  /** Anew, though the run holds the scores. */
  fresh?: boolean;
  /** The dataset, wherever it lies, is the one that the run learned from. */
  own: boolean;
  /** Asked for only where something is to be scored. */
  device: () => Promise<Device>;
  /** Opens pixels as the run saw them. @param data null: of the dataset that it was trained on, wherever that is */
  open: (data: string | null, how: { framing: Framing; channels: Channels }) => Promise<OpenedData>;
  /** Wraps the scoring of a split, to show how far it is. */
  watch?: <Result>(
    what: { label: string; total: number },
    work: (onBatch: (done: number) => void) => Promise<Result>,
  ) => Promise<Result>;
  warn?: (message: string) => void;
}

/** Scores of the images under test, and of the validation images, made in the same way. */
export async function scoreRun(dir: string, options: ScoreRunOptions): Promise<ScoredRun> {
  const config = readClassifierConfig(dir);
  return storedScores(dir, options, config) ?? (await freshScores(dir, options, config));
}

/** What the finished run has written down, where that is what is asked for; it needs no engine and no pixels. */
function storedScores(
  dir: string,
  { split, data, tta, fresh, own }: ScoreRunOptions,
  config: ClassifierConfig,
): ScoredRun | null {
  if (
    fresh ||
    (data !== undefined && !own) ||
    split === 'train' ||
    split === 'all' ||
    (tta ?? config.tta) !== config.tta
  )
    return null;
  const [tested, validation] = [readStored(dir, split, config), readStored(dir, 'val', config)];
  if (!tested || !validation) return null;
  const dataset = openDataset(data ?? config.data);
  const { summary } = readRun(dir);
  const trainedOn = (summary as { dataset?: { hash?: string } } | undefined)?.dataset?.hash;
  // Another dataset at the same place: its images have no scores yet.
  if (trainedOn !== dataset.hash) return null;
  return { dataset, tested, validation, tta: config.tta, stored: true };
}

function readStored(
  dir: string,
  split: EvaluationSplit,
  { target, classes }: ClassifierConfig,
): Scores | null {
  const rows = readStoredScores(dir, split);
  const classRows = target === 'classes' ? readStoredClassScores(dir, split, classes) : null;
  return rows === null || (target === 'classes' && classRows === null) ? null : { rows, classRows };
}

async function freshScores(
  dir: string,
  options: ScoreRunOptions,
  config: ClassifierConfig,
): Promise<ScoredRun> {
  const { data, watch = (_, work) => work(() => {}) } = options;
  const device = await options.device();
  const { network } = await openClassifier(dir, device);
  const how = { framing: framingOfRun(dir), channels: config.channels ?? 3 };
  const tta = options.tta ?? config.tta;
  const { classes, evaluationBatchSize: batchSize } = config;
  const scoreOf = ({ dataset, cache }: OpenedData, split: ScoredSplit): Promise<Scores> => {
    const { images, rows } = cache;
    const total = rows.filter((row) => isOf(split, row)).length;
    return watch({ label: `scoring ${split}`, total }, async (onBatch) => {
      const scoring = { split, device, batchSize, tta, onBatch };
      if (config.target === 'binary') {
        const { positive } = dataset;
        return { rows: await scoreSplit(network, { images, rows, positive }, scoring), classRows: null };
      }
      const classRows = await scoreClasses(network, { images, rows, classes }, scoring);
      return { rows: oneAgainstRest(classRows, classes, 0), classRows };
    });
  };
  const opened = await options.open(data ?? null, how);
  const { dataset } = opened;
  const apart = otherRange(dataset.intensity ?? [], showingOfRun(dir).ranges);
  if (apart !== null) options.warn?.(`${dataset.dir}: ${apart}`);
  const scoreValidation = async (): Promise<Scores> => {
    if (options.own) return scoreOf(opened, 'val');
    const own = await options.open(null, how);
    try {
      return await scoreOf(own, 'val');
    } finally {
      own.cache.images.dispose();
    }
  };
  try {
    const tested = await scoreOf(opened, options.split);
    // Threshold and temperature are the run's own: from its validation split, scored as the images under test are.
    const stored = tta === config.tta ? readStored(dir, 'val', config) : null;
    return { dataset, tested, validation: stored ?? (await scoreValidation()), tta, stored: false };
  } finally {
    network.dispose();
    opened.cache.images.dispose();
  }
}
