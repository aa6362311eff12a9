/**
 * Two arms against each other: the paired difference in AUC with interval and p-value, the same by other methods, what the
 * interval is made of, and the smallest difference that could have been found.
 */
import { Random } from 'graft-torch/base';
import {
  combineFolds,
  delongDifference,
  differenceOf,
  equivalenceHalfWidth,
  equivalenceP,
  type FoldSpread,
  fewestGroups,
  foldSpread,
  forThese,
  hierarchicalBootstrap,
  type Interval,
  inference,
  isSaturated,
  pairedT,
  percentileInterval,
  type SeedsEstimate,
  wilcoxonSignedRank,
} from '../stats/index.js';
import {
  type ArmAnalysis,
  type Context,
  distinctSeeds,
  type Estimate,
  keyOf,
  meanReplicates,
  type RunKey,
} from './arms.js';
import { type Degeneracy, degeneracies, hasCopies, isCollapsed } from './degenerate.js';
import { type Detectable, foldVarianceOf, nothingDetected, whatCanBeDetected } from './detectable.js';
import { type Block, countImages, type ImageCounts, originOf, type Reader } from './image-sets.js';
import type { ScoreDifference, Scores, ScoreTable } from './score-analysis.js';
import type { PlannedComparison, Question, Role, TrialScores } from './scores.js';

/** arm − baseline on one set of images. */
export interface PairAnalysis {
  arm: string;
  baseline: string;
  question: Question;
  /** The question as the end of a sentence: 'on top of standard augmentation'. */
  phrase: string;
  role: Role;
  /** Distinct seeds of the runs that both arms have. */
  seeds: number[];
  /** By fold, then by seed. */
  runs: RunKey[];
  /** Generators whose images the arm's runs were trained with; 0: none. */
  generators: number;
  /** One a run. */
  differences: number[];
  /** Over generators, seeds and test images: of the recipe. */
  difference: Estimate;
  /** Two-sided; in a sequential trial adjusted for the looks (raw p over this look's share). */
  p: number;
  /** The same with folds and generators taken as given: for these, and no others of their kind. */
  forThese: Interval & { p: number };
  /** Each run by itself: DeLong's test, which takes both trained models as given; p-values are not corrected. */
  perRun: (RunKey & Interval & { difference: number; p: number })[];
  /** Differences in all other scores, for description; null except for the primary pair. */
  scores: Scores<ScoreDifference> | null;
}

export interface Comparison extends PairAnalysis {
  /** In which both arms have runs, and their test images. */
  folds: number;
  test: ImageCounts;
  /** Of `difference`: the trial's, in a sequential trial 1 − what this look may spend. */
  level: number;
  /** Holm-corrected among the secondary comparisons; null for the others, which need none. */
  correctedP: number | null;
  bootstrap: Interval | null;
  /** The same differences with the test images taken as given: interval and p of the paired t test over seeds. */
  seedsOnly: { low: number; high: number; p: number; wilcoxonP: number } | null;
  /** Mean difference of each fold. */
  foldDifferences: { fold: number; difference: number }[];
  /** Whether folds differ by more than seeds and test images: by training sets, and GANs; null where it cannot be told. */
  foldSpread: FoldSpread | null;
  /** Corrected resampled t over folds (Nadeau & Bengio 2003), for other collections as well; null with one fold. */
  resampled: { low: number; high: number; p: number; testToTrain: number } | null;
  /** Two one-sided tests: p of "the true difference lies outside ±margin", adjusted for looks as `p` is. */
  /** Half width: of the interval that has to lie within the margin, which is wider than that of `difference`. */
  equivalence: { margin: number; halfWidth: number; p: number };
  /** Arms that give most images one score in half of these runs or more. */
  collapsed: string[];
  /** Whether seeds of the baseline in a fold are one and the same run. */
  baselineCopied: boolean;
  /** Why the arms may seem alike without being so; see ./degenerate.ts. */
  degenerate: Degeneracy[];
  /** Effective groups (Kish) of the class that has fewer. */
  effectiveGroups: number;
  /** What the interval is made of; see ../stats/seeds.ts. */
  variance: {
    /** s²; null with one seed. Between folds, with one seed in each, it is S², and C is in it. */
    seeds: number | null;
    between: SeedsEstimate['between'];
    /** C. */
    test: number;
    /** What s² is divided by. */
    runs: number;
    degreesOfFreedom: number;
    /** S² / k, variance of the mean from the spread between folds, on k − 1 degrees of freedom; null with one fold. */
    folds: number | null;
    /** τ²: what is between folds beyond seeds and images; an estimate, never below 0. */
    beyond: number;
  };
  detectable: Detectable;
}

/** Readers of both arms, block by block, that belong to the same fold and seed. */
export function sharedReaders(blocks: readonly Block[], arm: string, baseline: string): [Reader, Reader][][] {
  return blocks.map(({ readers }) =>
    readers.flatMap((reader): [Reader, Reader][] => {
      if (reader.arm !== arm) return [];
      const other = readers.find(
        (candidate) =>
          candidate.arm === baseline && candidate.fold === reader.fold && candidate.seed === reader.seed,
      );
      return other ? [[reader, other]] : [];
    }),
  );
}

interface PairOptions {
  blocks: readonly Block[];
  shared: [Reader, Reader][][];
  table: ScoreTable;
  context: Context;
}

const scoresOf = (pairs: readonly [Reader, Reader][], side: 0 | 1): (readonly number[])[] =>
  pairs.map((pair) => pair[side].scores);

/** Whose synthetic images tell a pair of runs apart: the arm's, else the baseline's; null where neither has any. */
const generatorOf = ([arm, baseline]: readonly [Reader, Reader]): string | null =>
  arm.generator ?? baseline.generator;

/** Differences of AUCs stay within ±1. */
const within = ({ low, high }: Interval): Interval => ({ low: Math.max(-1, low), high: Math.min(1, high) });

/** What can be said of a pair on any images. */
export function analysePair(
  planned: PlannedComparison,
  { blocks, shared, table, context }: PairOptions,
): { pair: PairAnalysis; estimate: SeedsEstimate; blockEstimates: SeedsEstimate[] } {
  const { level, lookLevel, share, kindOnly } = context;
  const withP = !kindOnly;
  const used = blocks.flatMap((block, i) => {
    const pairs = shared[i]!;
    const models = pairs.map(
      ([ours, theirs]) => [block.readers.indexOf(ours), block.readers.indexOf(theirs)] as const,
    );
    return pairs.length > 0 ? [{ ...block, pairs, models }] : [];
  });
  const blockEstimates = used.map((block) =>
    differenceOf(
      block.aucs,
      block.models,
      block.shared
        ? block.pairs.map((pair) => originOf({ ...pair[0], generator: generatorOf(pair) }))
        : undefined,
    ),
  );
  const generators = new Set(used.flatMap(({ pairs }) => pairs.flatMap((pair) => generatorOf(pair) ?? [])));
  const estimate = combineFolds(blockEstimates, unitsOf(used));
  const { low, high, p, standardError } = inference(estimate, lookLevel, { withP });
  const these = inference(forThese(estimate), lookLevel, { withP });
  const perRun = used.flatMap(({ aucs, pairs, models }) =>
    pairs.map(([ours], i) => {
      const { difference, low, high, p } = delongDifference(aucs, models[i]!, level);
      return { ...keyOf(ours), difference, low, high, p };
    }),
  );
  const runs = perRun.map(keyOf);
  const pair: PairAnalysis = {
    ...planned,
    seeds: distinctSeeds(runs),
    runs,
    generators: generators.size,
    differences: estimate.values,
    difference: { value: estimate.mean, ...within({ low, high }), standardError },
    p: Math.min(1, p / share),
    forThese: { ...within(these), p: Math.min(1, these.p / share) },
    perRun,
    scores: planned.role === 'primary' ? table.difference(shared) : null,
  };
  return { pair, estimate, blockEstimates };
}

/**
 * Which folds share a generator, and so are no sample of generators: folds are joined where they do. Where one serves them
 * all they still are a sample of training sets, which is all that can be had then.
 */
function unitsOf(used: readonly { pairs: readonly [Reader, Reader][] }[]): string[] {
  const units = used.map((_, i) => i);
  const first = new Map<string, number>();
  used.forEach(({ pairs }, fold) => {
    for (const pair of pairs) {
      const generator = generatorOf(pair);
      if (generator === null) continue;
      const other = first.get(generator);
      if (other === undefined) first.set(generator, fold);
      else {
        const [from, to] = [units[fold]!, units[other]!];
        units.forEach((unit, i) => {
          if (unit === from) units[i] = to;
        });
      }
    }
  });
  return (new Set(units).size > 1 ? units : used.map((_, i) => i)).map(String);
}

/** A comparison on the trial's own test images. */
export function compare(
  planned: PlannedComparison,
  options: Omit<PairOptions, 'shared'> & { family: number; arm: ArmAnalysis; baseline: ArmAnalysis },
): Comparison {
  const { family, blocks, context, arm, baseline } = options;
  const { level, lookLevel, share, power, replicates, seed, kindOnly, scores } = context;
  const everyShared = sharedReaders(blocks, planned.arm, planned.baseline);
  const { pair: own, estimate, blockEstimates } = analysePair(planned, { ...options, shared: everyShared });
  const used = blocks.flatMap((block, i) =>
    everyShared[i]!.length > 0 ? [{ ...block, pairs: everyShared[i]! }] : [],
  );
  const folds = used.map(({ pairs }) => pairs[0]![0].fold);
  const foldDifferences = folds.map((fold, i) => ({ fold, difference: blockEstimates[i]!.mean }));

  let bootstrap: Interval | null = null;
  if (estimate.seedVariance !== null && replicates > 0) {
    const random = new Random(seed).fork(`${own.arm} − ${own.baseline}`);
    const replicated = used.map(({ images, pairs }) => {
      const [a, b] = hierarchicalBootstrap(images.labels, [scoresOf(pairs, 0), scoresOf(pairs, 1)], {
        groups: images.groups,
        replicates,
        random,
      });
      return a!.map((value, j) => value - b![j]!);
    });
    bootstrap = percentileInterval(meanReplicates(replicated), level);
  }
  const seedsOnly =
    estimate.seedVariance === null
      ? null
      : inference({ ...estimate, across: null, testVariance: 0, groupSizes: [] }, level, {
          withP: !kindOnly,
        });
  const testToTrain = testImagesToTraining(scores, folds);
  const resampled =
    testToTrain === null
      ? null
      : pairedT(
          foldDifferences.map(({ difference }) => difference),
          lookLevel,
          testToTrain,
        );
  const effectiveGroups = fewestGroups(estimate);
  const scored = used.flatMap(({ images, pairs }) =>
    pairs.map((readers) => ({ labels: images.labels, readers })),
  );
  const counts = countImages(used);
  return {
    ...own,
    level: lookLevel,
    folds: used.length,
    test: counts,
    correctedP: null,
    bootstrap,
    seedsOnly: seedsOnly && {
      ...within(seedsOnly),
      p: seedsOnly.p,
      wilcoxonP: wilcoxonSignedRank(estimate.values).p,
    },
    foldDifferences,
    foldSpread: foldSpread(blockEstimates),
    resampled: resampled && { ...within(resampled), p: resampled.p, testToTrain: testToTrain! },
    equivalence: {
      margin: scores.equivalenceMargin,
      halfWidth: equivalenceHalfWidth(estimate, 1 - lookLevel),
      p: kindOnly ? Number.NaN : Math.min(1, equivalenceP(estimate, scores.equivalenceMargin) / share),
    },
    collapsed: [planned.arm, planned.baseline].filter((_, side) => isCollapsed(scored, side as 0 | 1)),
    baselineCopied: hasCopies(scored.map(({ readers }) => readers[1])),
    degenerate: degeneracies({
      effectiveGroups,
      pairs: scored,
      saturated: isSaturated(estimate, 1 - lookLevel),
      baseline: baseline.auc,
      arm: arm.auc,
    }),
    effectiveGroups,
    variance: {
      seeds: estimate.seedVariance,
      between: estimate.between,
      test: estimate.testVariance,
      runs: estimate.runs,
      degreesOfFreedom: estimate.degreesOfFreedom,
      folds: estimate.across?.variance ?? null,
      beyond: foldVarianceOf(estimate, used.length),
    },
    detectable: (kindOnly ? nothingDetected : whatCanBeDetected)(estimate, {
      folds: used.length,
      groups: counts.groups,
      margin: scores.equivalenceMargin,
      // A secondary difference must pass Holm's strictest step to be sure of being found.
      alpha: (1 - lookLevel) / (planned.role === 'secondary' ? family : 1),
      power,
    }),
  };
}

/** Test images over training images, meaned over these folds; null where the counts are not known. */
function testImagesToTraining({ folds }: TrialScores, of: readonly number[]): number | null {
  const own = folds.filter(({ fold }) => of.includes(fold));
  let sum = 0;
  for (const { trainingImages, test } of own) {
    if (!trainingImages) return null;
    sum += test.labels.length / trainingImages;
  }
  return sum / own.length;
}
