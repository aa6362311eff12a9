/**
 * The images that a trial is scored on, with the runs that scored them: the test images of each fold, which are disjoint,
 * and external test sets, which all runs share. Each is a list of blocks, a block being images and all runs on just these:
 * seeds of one fold, or every (fold, seed) as a reader of an external set. Statistics know no other difference.
 */
import { DataError } from 'graft-torch/base';
import type { ReaderOrigin } from '../stats/index.js';
import { type AucCovariance, aucCovariance } from '../stats/index.js';
import type { ScoredRun, TestImages, TrialScores } from './scores.js';

/** One run's probabilities on the images of its block. */
export interface Reader {
  arm: string;
  fold: number;
  seed: number;
  /** null: none. */
  generator: string | null;
  scores: readonly number[];
  /** Chosen on validation images; null: not known. */
  threshold: number | null;
  validationAuc: number | null;
}

export interface Block {
  images: TestImages;
  /** By fold, then by seed. */
  readers: Reader[];
  /** AUC of each reader, and their covariance over the choice of images, in the order of `readers`. */
  aucs: AucCovariance;
  /** Readers of several folds score the same images: an external set. */
  shared: boolean;
}

function blockOf(
  images: TestImages,
  readers: Reader[],
  { shared, orUnknown }: { shared: boolean; orUnknown: boolean },
): Block {
  const scores = readers.map((reader) => reader.scores);
  const aucs = aucCovariance(images.labels, scores, { groups: images.groups, orUnknown });
  return { images, readers, aucs, shared };
}

/** What a reader was trained by; one without synthetic images hangs on its own seed alone. */
export const originOf = ({ fold, seed, generator }: Reader): ReaderOrigin => ({
  fold,
  generator: generator ?? `seed ${seed} of fold ${fold}`,
});

export interface ImageCounts {
  images: number;
  positives: number;
  groups: number;
  /** Groups with positive images. */
  positiveGroups: number;
}

const byFoldAndSeed = (a: ScoredRun, b: ScoredRun): number => a.fold - b.fold || a.seed - b.seed;

const reader = (run: ScoredRun, scores: readonly number[]): Reader => ({
  arm: run.arm,
  fold: run.fold,
  seed: run.seed,
  generator: run.generator,
  scores,
  threshold: run.threshold,
  validationAuc: run.validationAuc,
});

/** One block a fold. */
export function foldBlocks({ folds, runs }: TrialScores): Block[] {
  const sorted = [...runs].sort(byFoldAndSeed);
  return folds.map(({ fold, test }) =>
    blockOf(
      test,
      sorted.filter((run) => run.fold === fold).map((run) => reader(run, run.testScores)),
      // Of several folds one may hold a single patient of a class: the folds together still say something.
      { shared: false, orUnknown: folds.length > 1 },
    ),
  );
}

/** The block of an external test set: all runs that scored it. */
export function externalBlock(images: TestImages & { name: string }, runs: readonly ScoredRun[]): Block {
  const readers = [...runs].sort(byFoldAndSeed).flatMap((run) => {
    const scores = run.externalScores[images.name];
    return scores ? [reader(run, scores)] : [];
  });
  return blockOf(images, readers, { shared: true, orUnknown: false });
}

export function countImages(blocks: readonly Pick<Block, 'images'>[]): ImageCounts {
  const sum = (count: (images: TestImages) => number): number =>
    blocks.reduce((total, { images }) => total + count(images), 0);
  return {
    images: sum(({ labels }) => labels.length),
    positives: sum(({ labels }) => labels.filter((label) => label === 1).length),
    groups: sum(({ groups }) => new Set(groups).size),
    positiveGroups: groupsOfClass(blocks, 1),
  };
}

/** Groups with images of the class, over all blocks. */
export function groupsOfClass(blocks: readonly Pick<Block, 'images'>[], label: 0 | 1): number {
  return blocks.reduce(
    (total, { images }) => total + new Set(images.groups.filter((_, i) => images.labels[i] === label)).size,
    0,
  );
}

/** @throws DataError where runs, folds, images and scores do not fit together, or folds share a group */
export function checkScores({ folds, external, runs, arms, name }: TrialScores): void {
  for (const { fold, test } of folds) checkImages(test, `${name}, fold ${fold}`);
  for (const images of external) checkImages(images, `${name}, ${images.name}`);
  const foldOf = new Map<string, number>();
  for (const { fold, test } of folds) {
    for (const group of test.groups) {
      const other = foldOf.get(group) ?? fold;
      if (other !== fold) {
        throw new DataError(
          `${name}: group ${group} is tested in fold ${other} and in fold ${fold}; test images of folds must be disjoint.`,
        );
      }
      foldOf.set(group, fold);
    }
  }
  const seen = new Set<string>();
  for (const run of runs) {
    const title = `${name}, arm ${run.arm}, fold ${run.fold}, seed ${run.seed}`;
    if (!arms.includes(run.arm)) throw new DataError(`${title}: there is no such arm.`);
    const test = folds.find(({ fold }) => fold === run.fold)?.test;
    if (!test) throw new DataError(`${title}: there is no such fold.`);
    const key = `${run.fold} ${run.seed} ${run.arm}`;
    if (seen.has(key)) throw new DataError(`${title}: recorded twice.`);
    seen.add(key);
    if (run.testScores.length !== test.labels.length) {
      throw new DataError(`${title}: ${run.testScores.length} scores for ${test.labels.length} test images.`);
    }
    for (const [set, scores] of Object.entries(run.externalScores)) {
      const images = external.find((candidate) => candidate.name === set);
      if (!images) throw new DataError(`${title}: scores of ${set}, but there is no such external set.`);
      if (scores.length !== images.labels.length) {
        throw new DataError(
          `${title}: ${scores.length} scores for ${images.labels.length} images of ${set}.`,
        );
      }
    }
    const all = [run.testScores, ...Object.values(run.externalScores)];
    if (all.some((scores) => scores.some((score) => !Number.isFinite(score))))
      throw new DataError(`${title}: a score is not a number.`);
  }
}

function checkImages({ ids, groups, labels }: TestImages, title: string): void {
  if (ids.length !== labels.length || groups.length !== labels.length) {
    throw new DataError(
      `${title}: ${ids.length} test ids, ${groups.length} groups and ${labels.length} labels; each image needs one of each.`,
    );
  }
}
