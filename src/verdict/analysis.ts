/**
 * From runs to estimates: mean AUC of each arm with its interval, paired differences between arms with interval,
 * corrected p-value and the smallest difference this trial could have found, on the test images and on every external test
 * set. The method is ../stats/seeds.ts's; a bootstrap by group and seed stands beside it as a check. docs/trial.md explains
 * the choices.
 */
import { Random } from '../random.js';
import { hierarchicalBootstrap, percentileInterval } from '../stats/bootstrap.js';
import { delongDifference, type Interval, intervalAround } from '../stats/delong.js';
import { holm, pairedT, pooledSpread, wilcoxonSignedRank } from '../stats/paired.js';
import {
  detectableDifference,
  detectableFloor,
  groupsNeeded,
  seedsAndGroupsNeeded,
  seedsNeeded,
} from '../stats/power.js';
import {
  combineFolds,
  differenceOf,
  equivalenceP,
  type FoldSpread,
  foldSpread,
  halfWidth,
  inference,
  meanOf,
  type SeedsEstimate,
} from '../stats/seeds.js';
import { spendingShares } from '../stats/spending.js';
import {
  comparisonPairs,
  type Pair,
  phraseOf,
  type Question,
  type Role,
  referenceArm,
  rolesOf,
} from '../trial/comparisons.js';
import type { TrialSummary } from '../trial/summary.js';
import {
  type Block,
  checkRuns,
  countImages,
  externalBlock,
  foldBlocks,
  groupsOfClass,
  type ImageCounts,
  type Reader,
} from './image-sets.js';
import {
  type ScoreDifference,
  type ScoreEstimate,
  type ScoreName,
  type ScoreTable,
  scoreTable,
} from './score-analysis.js';

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
  scores: Record<ScoreName, ScoreEstimate>;
  validationAuc: Spread;
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
  /** One a run. */
  differences: number[];
  difference: Estimate;
  /** Two-sided; in a sequential trial adjusted for the looks (raw p over this look's share). */
  p: number;
  /** Each run by itself: DeLong's test, which takes both trained models as given. */
  perRun: (RunKey & Interval & { difference: number; p: number })[];
  /** Differences in all other scores, for description; null except for the primary pair. */
  scores: Record<ScoreName, ScoreDifference> | null;
}

export interface Comparison extends PairAnalysis {
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
  /** Corrected resampled t over folds (Nadeau & Bengio 2003), which covers other training sets too; null with one fold. */
  resampled: { low: number; high: number; p: number; testToTrain: number } | null;
  /** Two one-sided tests: p of "the true difference lies outside ±margin", adjusted for looks as `p` is. */
  equivalence: { margin: number; p: number };
  /** What the interval is made of; see ../stats/seeds.ts. */
  variance: {
    /** s²; null with one seed. Between folds, with one seed in each, it is S², and C is in it. */
    seeds: number | null;
    between: 'seeds' | 'folds' | null;
    /** C. */
    test: number;
    /** What s² is divided by. */
    runs: number;
    degreesOfFreedom: number;
  };
  detectable: {
    /** Smallest true difference found with `power` at `alpha`. */
    difference: number;
    alpha: number;
    power: number;
    /** The same with endless seeds on this test set; null where seeds and images cannot be told apart. */
    floor: number | null;
    /** Seeds (in each fold) for finding the equivalence margin; null: never on this test set, or unknown (one seed). */
    seedsForMargin: number | null;
    /** Test groups for finding it with the present seeds; null: never with these seeds, or unknown. */
    groupsForMargin: number | null;
    /** Both, where neither alone does it; null where one does, or unknown. */
    bothForMargin: { seeds: number; groups: number } | null;
  };
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
  folds: number;
  /** Over all folds. */
  test: ImageCounts;
  /** What a group is ('lesion'), and what the positive class is called. */
  names: { group: string; positive: string };
  /** Arm that others are measured against: standard augmentation, else the real images alone. */
  reference: string | null;
  arms: ArmAnalysis[];
  comparisons: Comparison[];
  /** Index into `comparisons` of the one the verdict is about; null where no arm has synthetic images. */
  primary: number | null;
  /** Number of secondary comparisons, Holm's family. */
  family: number;
  /** What the look may spend at which the trial stands; null where the number of seeds was fixed. */
  look: { number: number; looks: number[]; alpha: number; stopped: string } | null;
  external: ExternalAnalysis[];
  /** Every run took the same number of optimiser steps. */
  equalSteps: boolean;
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
  summary: TrialSummary;
}

/**
 * Analyses a finished trial, or what there is of one.
 * @throws DataError where runs and test images do not fit together, or a recorded AUC is not the AUC of the scores.
 */
export function summarise(summary: TrialSummary, options: AnalysisOptions = {}): TrialAnalysis {
  const { level = summary.level, power = summary.power, replicates = 2000, seed = 20170 } = options;
  checkRuns(summary);
  const notes: string[] = [];
  const { sequential } = summary;
  const share = sequential ? spendingShares(sequential.looks, 1 - level)[sequential.reached - 1]! : 1;
  const context: Context = {
    level,
    lookLevel: 1 - (1 - level) * share,
    share,
    power,
    replicates,
    seed,
    summary,
  };
  const blocks = foldBlocks(summary);
  const present = summary.arms.filter(({ name }) => {
    const has = summary.runs.some((run) => run.arm === name);
    if (!has) notes.push(`Arm ${name} has no finished run and is left out.`);
    return has;
  });
  const table = scoreTable(blocks, context);
  const arms = present.map(({ name }) => analyseArm(name, blocks, table, context));
  for (const { arm, runs } of arms) {
    const missing = summary.folds.filter(({ fold }) => !runs.some((run) => run.fold === fold));
    if (missing.length > 0)
      notes.push(`Arm ${arm} has no run in fold ${missing.map(({ fold }) => fold).join(', ')}.`);
  }

  const pairs = comparisonPairs(present).filter(({ arm, baseline }) => {
    const shares = sharedReaders(blocks, arm.name, baseline.name).some((shared) => shared.length > 0);
    if (!shares) notes.push(`${arm.name} and ${baseline.name} share no seed and are not compared.`);
    return shares;
  });
  const roles = rolesOf(pairs);
  const family = roles.filter((role) => role === 'secondary').length;
  const comparisons = pairs.map((pair, index): Comparison => {
    const role = roles[index]!;
    const most = Math.max(
      ...[pair.arm, pair.baseline].map(({ name }) => summary.runs.filter((run) => run.arm === name).length),
    );
    const comparison = compare(pair, { role, family, blocks, table, context });
    if (comparison.runs.length < most) {
      const what = summary.folds.length > 1 ? 'runs' : 'seeds';
      notes.push(
        `${pair.arm.name} against ${pair.baseline.name}: only the ${comparison.runs.length} ${what} that both have count.`,
      );
    }
    return comparison;
  });
  const tested = comparisons.filter(({ role }) => role === 'secondary');
  holm(tested.map(({ p }) => p)).forEach((p, i) => {
    tested[i]!.correctedP = p;
  });

  const external = summary.external.flatMap((images): ExternalAnalysis[] => {
    if ([0, 1].some((label) => groupsOfClass([{ images }], label as 0 | 1) < 2)) {
      notes.push(`${images.name} is left out: an AUC needs two groups of each class at least.`);
      return [];
    }
    const block = externalBlock(images, summary.runs);
    const lacking = summary.runs.length - block.readers.length;
    if (lacking > 0) notes.push(`${images.name}: ${lacking} runs did not score it and are left out.`);
    if (block.readers.length === 0) return [];
    const scored = scoreTable([block], context);
    const arm = (name: string): boolean => block.readers.some((reader) => reader.arm === name);
    return [
      {
        name: images.name,
        test: countImages([block]),
        arms: present.flatMap(({ name }) => (arm(name) ? [analyseArm(name, [block], scored, context)] : [])),
        comparisons: pairs.flatMap((pair, index) => {
          const shared = sharedReaders([block], pair.arm.name, pair.baseline.name);
          if (shared[0]!.length === 0) return [];
          return [
            analysePair(pair, { role: roles[index]!, blocks: [block], shared, table: scored, context }).pair,
          ];
        }),
      },
    ];
  });
  const primary = roles.indexOf('primary');
  return {
    level,
    equivalenceMargin: summary.equivalenceMargin,
    folds: blocks.length,
    test: countImages(blocks),
    names: { group: summary.dataset.group, positive: summary.dataset.positive },
    reference: referenceArm(present)?.name ?? null,
    arms,
    comparisons,
    primary: primary < 0 ? null : primary,
    family,
    look: sequential && {
      number: sequential.reached,
      looks: sequential.looks,
      alpha: 1 - context.lookLevel,
      stopped: sequential.stopped,
    },
    external,
    equalSteps: new Set(summary.runs.map((run) => run.optimiserSteps)).size === 1,
    notes,
  };
}

const keyOf = ({ fold, seed }: RunKey): RunKey => ({ fold, seed });
const distinctSeeds = (runs: readonly RunKey[]): number[] =>
  [...new Set(runs.map(({ seed }) => seed))].sort((a, b) => a - b);

function analyseArm(
  name: string,
  blocks: readonly Block[],
  table: ScoreTable,
  { level, replicates, seed }: Context,
): ArmAnalysis {
  const own = blocks.flatMap(({ images, readers, aucs }) => {
    const models = readers.flatMap((reader, i) => (reader.arm === name ? [i] : []));
    return models.length > 0
      ? [{ images, readers: models.map((i) => readers[i]!), estimate: meanOf(aucs, models) }]
      : [];
  });
  const runs = own.flatMap(({ readers }) => readers.map(keyOf));
  const estimate = combineFolds(own.map((block) => block.estimate));
  const smallerClass = Math.min(groupsOfClass(own, 0), groupsOfClass(own, 1));
  const random = new Random(seed).fork(name);
  return {
    arm: name,
    seeds: distinctSeeds(runs),
    runs,
    aucs: estimate.values,
    auc: {
      value: estimate.mean,
      standardError: Math.sqrt(estimate.variance),
      ...intervalAround(estimate.mean, halfWidth(estimate, 1 - level), { level, smallerClass }),
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
    validationAuc: pooledSpread(own.map(({ readers }) => readers.map((reader) => reader.validationAuc))),
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
  role: Role;
  blocks: readonly Block[];
  shared: [Reader, Reader][][];
  table: ScoreTable;
  context: Context;
}

const scoresOf = (pairs: readonly [Reader, Reader][], side: 0 | 1): (readonly number[])[] =>
  pairs.map((pair) => pair[side].scores);

/** What can be said of a pair on any images. */
function analysePair(
  pair: Pair,
  { role, blocks, shared, table, context }: PairOptions,
): { pair: PairAnalysis; estimate: SeedsEstimate; blockEstimates: SeedsEstimate[] } {
  const { arm, baseline, question } = pair;
  const { level, lookLevel, share } = context;
  const used = blocks.flatMap(({ readers, aucs }, i) => {
    const pairs = shared[i]!.map(
      ([ours, theirs]) => [readers.indexOf(ours), readers.indexOf(theirs)] as const,
    );
    return pairs.length > 0 ? [{ readers, aucs, pairs }] : [];
  });
  const blockEstimates = used.map(({ aucs, pairs }) => differenceOf(aucs, pairs));
  const estimate = combineFolds(blockEstimates);
  const { low, high, p, standardError } = inference(estimate, lookLevel);
  const perRun = used.flatMap(({ readers, aucs, pairs }) =>
    pairs.map((models) => {
      const test = delongDifference(aucs, models, level);
      return {
        ...keyOf(readers[models[0]]!),
        difference: test.difference,
        low: test.low,
        high: test.high,
        p: test.p,
      };
    }),
  );
  const runs = perRun.map(keyOf);
  const analysis: PairAnalysis = {
    arm: arm.name,
    baseline: baseline.name,
    question,
    phrase: phraseOf(pair),
    role,
    seeds: distinctSeeds(runs),
    runs,
    differences: estimate.values,
    difference: { value: estimate.mean, low, high, standardError },
    p: Math.min(1, p / share),
    perRun,
    scores: role === 'primary' ? table.difference(shared) : null,
  };
  return { pair: analysis, estimate, blockEstimates };
}

/** A comparison on the trial's own test images. */
function compare(pair: Pair, options: Omit<PairOptions, 'shared'> & { family: number }): Comparison {
  const { role, family, blocks, context } = options;
  const { level, lookLevel, share, power, replicates, seed, summary } = context;
  const shared = sharedReaders(blocks, pair.arm.name, pair.baseline.name);
  const { pair: own, estimate, blockEstimates } = analysePair(pair, { ...options, shared });
  const used = summary.folds.filter((_, i) => shared[i]!.length > 0);
  const foldDifferences = used.map(({ fold }, i) => ({ fold, difference: blockEstimates[i]!.mean }));
  const usedBlocks = blocks.filter((_, i) => shared[i]!.length > 0);

  let bootstrap: Interval | null = null;
  if (estimate.seedVariance !== null && replicates > 0) {
    const random = new Random(seed).fork(`${own.arm} − ${own.baseline}`);
    const replicated = usedBlocks.map(({ images }, i) => {
      const pairs = shared.filter((list) => list.length > 0)[i]!;
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
    estimate.seedVariance === null ? null : inference({ ...estimate, testVariance: 0 }, level);
  const testToTrain = testImagesToTraining(
    summary,
    used.map(({ fold }) => fold),
  );
  const resampled =
    testToTrain === null
      ? null
      : pairedT(
          foldDifferences.map(({ difference }) => difference),
          level,
          testToTrain,
        );
  return {
    ...own,
    level: lookLevel,
    correctedP: null,
    bootstrap,
    seedsOnly: seedsOnly && {
      low: seedsOnly.low,
      high: seedsOnly.high,
      p: seedsOnly.p,
      wilcoxonP: wilcoxonSignedRank(estimate.values).p,
    },
    foldDifferences,
    foldSpread: foldSpread(blockEstimates),
    resampled: resampled && {
      low: resampled.low,
      high: resampled.high,
      p: resampled.p,
      testToTrain: testToTrain!,
    },
    equivalence: {
      margin: summary.equivalenceMargin,
      p: Math.min(1, equivalenceP(estimate, summary.equivalenceMargin) / share),
    },
    variance: {
      seeds: estimate.seedVariance,
      between: estimate.between,
      test: estimate.testVariance,
      runs: estimate.runs,
      degreesOfFreedom: estimate.degreesOfFreedom,
    },
    detectable: whatCanBeDetected(estimate, {
      folds: usedBlocks.length,
      groups: countImages(usedBlocks).groups,
      margin: summary.equivalenceMargin,
      // A secondary difference must pass Holm's strictest step to be sure of being found.
      alpha: (1 - lookLevel) / (role === 'secondary' ? family : 1),
      power,
    }),
  };
}

function whatCanBeDetected(
  estimate: SeedsEstimate,
  options: { folds: number; groups: number; margin: number; alpha: number; power: number },
): Comparison['detectable'] {
  const { seedVariance, between, testVariance, runs } = estimate;
  const { folds, groups, margin, alpha, power } = options;
  const rates = { alpha, power };
  // One seed a fold: folds are what seeds are elsewhere, and nobody can tell what more of either would bring.
  const design =
    between === 'folds'
      ? { seeds: folds, folds: 1, seedVariance, testVariance }
      : { seeds: runs / folds, folds, seedVariance, testVariance };
  const known = {
    difference: detectableDifference(design, rates),
    alpha,
    power,
    floor: between === 'folds' ? null : detectableFloor(testVariance, rates),
  };
  if (seedVariance === null || between === 'folds')
    return { ...known, seedsForMargin: null, groupsForMargin: null, bothForMargin: null };
  const seedsForMargin = seedsNeeded(margin, { seedVariance, testVariance, folds }, rates);
  const groupsForMargin = groupsNeeded(margin, { ...design, groups }, rates);
  return {
    ...known,
    seedsForMargin,
    groupsForMargin,
    bothForMargin:
      seedsForMargin === null && groupsForMargin === null
        ? seedsAndGroupsNeeded(margin, { ...design, seedVariance, groups }, rates)
        : null,
  };
}

/** Test images over training images, meaned over these folds; null where the counts are not known. */
function testImagesToTraining(summary: TrialSummary, folds: readonly number[]): number | null {
  let sum = 0;
  for (const { fold, counts, test } of summary.folds) {
    if (!folds.includes(fold)) continue;
    const training = counts
      .filter(({ split }) => split === 'train')
      .reduce((total, { images }) => total + images, 0);
    if (training === 0) return null;
    sum += test.labels.length / training;
  }
  return sum / folds.length;
}
