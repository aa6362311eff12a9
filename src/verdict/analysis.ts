/**
 * From scores to estimates: mean AUC of each arm with its interval, paired differences between arms with interval,
 * corrected p-value and the smallest difference this trial could have found, on the test images and on every external test
 * set. The method is ../stats/seeds.ts's; a bootstrap by group and seed stands beside it as a check. docs/trial.md explains
 * the choices.
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
  halfWidth,
  hierarchicalBootstrap,
  holm,
  type Interval,
  inference,
  intervalAround,
  isSaturated,
  meanOf,
  pairedT,
  percentileInterval,
  pooledSpread,
  type SeedsEstimate,
  spendingShares,
  wilcoxonSignedRank,
} from '../stats/index.js';
import { type Degeneracy, degeneracies, hasCopies, isCollapsed } from './degenerate.js';
import { type Detectable, foldVarianceOf, nothingDetected, whatCanBeDetected } from './detectable.js';
import {
  type Block,
  checkScores,
  countImages,
  externalBlock,
  foldBlocks,
  groupsOfClass,
  type ImageCounts,
  originOf,
  type Reader,
} from './image-sets.js';
import {
  type ScoreDifference,
  type ScoreEstimate,
  type Scores,
  type ScoreTable,
  scoreTable,
} from './score-analysis.js';
import type { Limit, PlannedComparison, Question, Role, TrialScores } from './scores.js';

export interface Estimate extends Interval {
  value: number;
  standardError: number;
}

export interface Spread {
  mean: number;
  deviation: number;
}

export interface RunKey {
  fold: number;
  seed: number;
}

export interface ArmAnalysis {
  arm: string;
  /** Distinct seeds over all folds, ascending. */
  seeds: number[];
  /** By fold, then by seed. */
  runs: RunKey[];
  /** AUC of each run. */
  aucs: number[];
  auc: Estimate;
  /** Percentile interval, groups and seeds resampled; null with one seed, or where no bootstrap was asked for. */
  bootstrap: Interval | null;
  /** Thresholds from validation. */
  scores: Scores<ScoreEstimate>;
  /** null where runs do not tell. */
  validationAuc: Spread | null;
}

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

/** Arms and comparisons on an external test set, which every (fold, seed) scored. */
export interface ExternalAnalysis {
  name: string;
  test: ImageCounts;
  arms: ArmAnalysis[];
  comparisons: PairAnalysis[];
}

export interface TrialAnalysis {
  level: number;
  equivalenceMargin: number;
  /** That have runs. */
  folds: number;
  /** Over these folds. */
  test: ImageCounts;
  names: TrialScores['names'];
  /** Arm that others are measured against: standard augmentation, else the real images alone. */
  reference: string | null;
  arms: ArmAnalysis[];
  comparisons: Comparison[];
  /** Planned comparisons without runs that could be paired. */
  unmade: PlannedComparison[];
  /** Index into `comparisons` of the one the verdict is about; null where there is none. */
  primary: number | null;
  /** Number of secondary comparisons, Holm's family. */
  family: number;
  /** What the look may spend at which the trial stands; null where the number of seeds was fixed. */
  look: { number: number; looks: number[]; alpha: number; stopped: string } | null;
  external: ExternalAnalysis[];
  /** Every run took the same number of optimiser steps; null where it is not known. */
  equalSteps: boolean | null;
  /** How far the verdict reaches, as known from elsewhere than the scores. */
  limits: Limit[];
  /** Arms that were compared over fewer runs than they have, and the like. */
  notes: string[];
}

export interface AnalysisOptions {
  /** The trial's unless told. */
  level?: number;
  power?: number;
  /** Bootstrap replicates, 2,000 unless told; 0: no bootstrap, and no intervals of scores other than AUC. */
  replicates?: number;
  /** Of the bootstrap. */
  seed?: number;
  /**
   * Only what the kind of the verdict rests on, for whoever asks many thousand times: p-values and what could be detected are
   * NaN, and there are no scores other than AUC.
   */
  kindOnly?: boolean;
}

interface Context {
  level: number;
  /** 1 − error rate of this look; `level` without looks. */
  lookLevel: number;
  /** Share of the error rate that this look has. */
  share: number;
  power: number;
  replicates: number;
  seed: number;
  kindOnly: boolean;
  scores: TrialScores;
}

/**
 * Analyses a finished trial, or what there is of one.
 * @throws DataError where runs and test images do not fit together
 */
export function analyse(scores: TrialScores, options: AnalysisOptions = {}): TrialAnalysis {
  const {
    level = scores.level,
    power = scores.power,
    replicates = 2000,
    seed = 20170,
    kindOnly = false,
  } = options;
  checkScores(scores);
  const notes: string[] = [];
  const { sequential, runs } = scores;
  const share = sequential ? spendingShares(sequential.looks, 1 - level)[sequential.reached - 1]! : 1;
  const lookLevel = 1 - (1 - level) * share;
  const context: Context = { level, lookLevel, share, power, replicates, seed, kindOnly, scores };
  const blocks = foldBlocks(scores).filter(({ readers }) => readers.length > 0);
  const present = scores.arms.filter((arm) => {
    const has = runs.some((run) => run.arm === arm);
    if (!has) notes.push(`Arm ${arm} has no finished run and is left out.`);
    return has;
  });
  const lacking = scores.folds.length - blocks.length;
  if (lacking > 0)
    notes.push(`${lacking} of ${scores.folds.length} folds have no finished run and are left out.`);
  const table = kindOnly ? noScores : scoreTable(blocks, context);
  const arms = present.map((name) => analyseArm(name, blocks, table, context));
  for (const { arm, runs: own } of arms) {
    const missing = blocks.filter(({ readers }) => !own.some(({ fold }) => fold === readers[0]!.fold));
    if (missing.length > 0)
      notes.push(
        `Arm ${arm} has no run in fold ${missing.map(({ readers }) => readers[0]!.fold).join(', ')}.`,
      );
  }

  const planned = scores.comparisons.filter(({ arm, baseline }) => {
    if (!present.includes(arm) || !present.includes(baseline)) return false;
    const shares = sharedReaders(blocks, arm, baseline).some((shared) => shared.length > 0);
    if (!shares) notes.push(`${arm} and ${baseline} share no seed and are not compared.`);
    return shares;
  });
  const family = planned.filter(({ role }) => role === 'secondary').length;
  const comparisons = planned.map((pair): Comparison => {
    const most = Math.max(
      ...[pair.arm, pair.baseline].map((name) => runs.filter((run) => run.arm === name).length),
    );
    const armOf = (name: string): ArmAnalysis => arms.find(({ arm }) => arm === name)!;
    const [arm, baseline] = [armOf(pair.arm), armOf(pair.baseline)];
    const comparison = compare(pair, { family, blocks, table, context, arm, baseline });
    if (comparison.runs.length < most) {
      const what = blocks.length > 1 ? 'runs' : 'seeds';
      notes.push(
        `${pair.arm} against ${pair.baseline}: only the ${comparison.runs.length} ${what} that both have count.`,
      );
    }
    return comparison;
  });
  const tested = comparisons.filter(({ role }) => role === 'secondary');
  holm(tested.map(({ p }) => p)).forEach((p, i) => {
    tested[i]!.correctedP = p;
  });

  const external = scores.external.flatMap((images): ExternalAnalysis[] => {
    if ([0, 1].some((label) => groupsOfClass([{ images }], label as 0 | 1) < 2)) {
      notes.push(`${images.name} is left out: an AUC needs two groups of each class at least.`);
      return [];
    }
    const block = externalBlock(images, runs);
    const without = runs.length - block.readers.length;
    if (without > 0) notes.push(`${images.name}: ${without} runs did not score it and are left out.`);
    if (block.readers.length === 0) return [];
    const scored = kindOnly ? noScores : scoreTable([block], context);
    const has = (name: string): boolean => block.readers.some((reader) => reader.arm === name);
    return [
      {
        name: images.name,
        test: countImages([block]),
        arms: present.flatMap((name) => (has(name) ? [analyseArm(name, [block], scored, context)] : [])),
        comparisons: planned.flatMap((pair) => {
          const shared = sharedReaders([block], pair.arm, pair.baseline);
          if (shared[0]!.length === 0) return [];
          return [analysePair(pair, { blocks: [block], shared, table: scored, context }).pair];
        }),
      },
    ];
  });
  const primary = comparisons.findIndex(({ role }) => role === 'primary');
  return {
    level,
    equivalenceMargin: scores.equivalenceMargin,
    folds: blocks.length,
    test: countImages(blocks),
    names: scores.names,
    reference: scores.reference !== null && present.includes(scores.reference) ? scores.reference : null,
    arms,
    comparisons,
    unmade: scores.comparisons.filter((one) => !planned.includes(one)),
    primary: primary < 0 ? null : primary,
    family,
    look: sequential && {
      number: sequential.reached,
      looks: [...sequential.looks],
      alpha: 1 - lookLevel,
      stopped: sequential.stopped,
    },
    external,
    equalSteps: scores.equalSteps,
    limits: [...scores.limits],
    notes,
  };
}

const noScores: ScoreTable = { arm: () => ({}), difference: () => ({}) };

const keyOf = ({ fold, seed }: RunKey): RunKey => ({ fold, seed });
const distinctSeeds = (runs: readonly RunKey[]): number[] =>
  [...new Set(runs.map(({ seed }) => seed))].sort((a, b) => a - b);

function analyseArm(
  name: string,
  blocks: readonly Block[],
  table: ScoreTable,
  { level, replicates, seed }: Context,
): ArmAnalysis {
  const own = blocks.flatMap(({ images, readers, aucs, shared }) => {
    const models = readers.flatMap((reader, i) => (reader.arm === name ? [i] : []));
    if (models.length === 0) return [];
    const mine = models.map((i) => readers[i]!);
    return [
      { images, readers: mine, estimate: meanOf(aucs, models, shared ? mine.map(originOf) : undefined) },
    ];
  });
  const runs = own.flatMap(({ readers }) => readers.map(keyOf));
  const estimate = combineFolds(own.map((block) => block.estimate));
  const random = new Random(seed).fork(name);
  const validation = own.map(({ readers }) => readers.flatMap(({ validationAuc }) => validationAuc ?? []));
  return {
    arm: name,
    seeds: distinctSeeds(runs),
    runs,
    aucs: estimate.values,
    auc: {
      value: estimate.mean,
      standardError: Math.sqrt(estimate.variance),
      ...intervalAround(estimate.mean, halfWidth(estimate, 1 - level), {
        level,
        smallerClass: fewestGroups(estimate),
      }),
    },
    bootstrap:
      estimate.seedVariance !== null && replicates > 0
        ? percentileInterval(
            meanReplicates(
              own.map(({ images, readers }) => {
                const scores = readers.map((reader) => reader.scores);
                const { groups, labels } = images;
                return hierarchicalBootstrap(labels, [scores], { groups, replicates, random })[0]!;
              }),
            ),
            level,
          )
        : null,
    scores: table.arm(name),
    validationAuc: validation.some((values) => values.length > 0) ? pooledSpread(validation) : null,
  };
}

/** Replicates of the mean over blocks, which were drawn independently. */
function meanReplicates(replicates: readonly Float64Array[]): Float64Array {
  return replicates[0]!.map((_, i) => replicates.reduce((sum, own) => sum + own[i]!, 0) / replicates.length);
}

/** Readers of both arms, block by block, that belong to the same fold and seed. */
function sharedReaders(blocks: readonly Block[], arm: string, baseline: string): [Reader, Reader][][] {
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
function analysePair(
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
function compare(
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
