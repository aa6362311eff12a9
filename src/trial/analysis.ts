/**
 * From runs to estimates: mean AUC of each arm with its interval, paired differences between arms with interval,
 * corrected p-value and the smallest difference this trial could have found. The method is ../stats/seeds.ts's;
 * a bootstrap by group and seed stands beside it as a check. docs/trial.md explains the choices.
 */
import { DataError } from '../errors.js';
import { Random } from '../random.js';
import { hierarchicalBootstrap, percentileInterval } from '../stats/bootstrap.js';
import { type Interval, intervalAround } from '../stats/delong.js';
import { holm, meanAndDeviation, pairedT, wilcoxonSignedRank } from '../stats/paired.js';
import { detectableDifference, detectableFloor, seedsNeeded } from '../stats/power.js';
import { auc } from '../stats/roc.js';
import { halfWidth, inference, meanAuc, meanDifference } from '../stats/seeds.js';
import type { TrialArm, TrialRun, TrialSummary } from './summary.js';

export interface Estimate extends Interval {
  value: number;
  standardError: number;
}

export interface ArmAnalysis {
  arm: string;
  seeds: number[];
  /** Test AUC of each seed. */
  aucs: number[];
  auc: Estimate;
  /** Percentile interval, groups and seeds resampled; null with one seed. */
  bootstrap: Interval | null;
  /** Mean and standard deviation over seeds, threshold from validation. */
  scores: Record<'balancedAccuracy' | 'sensitivity' | 'specificity' | 'logLoss' | 'brier', Spread>;
  validationAuc: Spread;
}

export interface Spread {
  mean: number;
  deviation: number;
}

/**
 * What a comparison asks. 'adds': synthetic images on top of the same training set; 'replaces': synthetic images
 * instead of standard augmentation; 'control': standard augmentation itself, whose gain shows what the trial can
 * see.
 */
export type Question = 'adds' | 'replaces' | 'control';

export interface Comparison {
  arm: string;
  baseline: string;
  question: Question;
  /** Seeds that both arms have. */
  seeds: number[];
  /** arm − baseline, one a seed. */
  differences: number[];
  difference: Estimate;
  p: number;
  /** The verdict is about the primary comparison; the control asks nothing. */
  role: 'primary' | 'secondary' | 'control';
  /** Holm-corrected among the secondary comparisons; null for the others, which need none. */
  correctedP: number | null;
  bootstrap: Interval | null;
  /** The same differences with the test images taken as given: interval and p of the paired t test over seeds. */
  seedsOnly: { low: number; high: number; p: number; wilcoxonP: number } | null;
  detectable: {
    /** Smallest true difference found with `power` at `alpha`. */
    difference: number;
    alpha: number;
    power: number;
    /** The same with endless seeds on this test set. */
    floor: number;
    /** Seeds for finding the equivalence margin; null: never on this test set, or unknown (one seed). */
    seedsForMargin: number | null;
  };
}

export interface TrialAnalysis {
  level: number;
  equivalenceMargin: number;
  test: { images: number; positives: number; groups: number };
  arms: ArmAnalysis[];
  comparisons: Comparison[];
  /** Index into `comparisons` of the one the verdict is about; null where no arm has synthetic images. */
  primary: number | null;
  /** Number of secondary comparisons, Holm's family. */
  family: number;
  /** Every run took the same number of optimiser steps. */
  equalSteps: boolean;
  /** Arms that were compared over fewer seeds than they have, and the like. */
  notes: string[];
}

export interface AnalysisOptions {
  level?: number;
  power?: number;
  /** Bootstrap replicates, 2,000 unless told. */
  replicates?: number;
  /** Of the bootstrap. */
  seed?: number;
}

/**
 * Analyses a finished trial.
 * @throws DataError where runs and test images do not fit together, or a recorded AUC is not the AUC of the scores.
 */
export function summarise(summary: TrialSummary, options: AnalysisOptions = {}): TrialAnalysis {
  const { level = 0.95, power = 0.8, replicates = 2000, seed = 20170 } = options;
  const { labels, groups } = summary.test;
  checkRuns(summary);
  const runsOf = (arm: string): TrialRun[] =>
    summary.runs.filter((run) => run.arm === arm).sort((a, b) => a.seed - b.seed);
  const notes: string[] = [];
  const positiveGroups = new Set(groups.filter((_, i) => labels[i] === 1)).size;
  const negativeGroups = new Set(groups.filter((_, i) => labels[i] === 0)).size;

  const arms = summary.arms.flatMap(({ name }): ArmAnalysis[] => {
    const runs = runsOf(name);
    if (runs.length === 0) {
      notes.push(`Arm ${name} has no finished run and is left out.`);
      return [];
    }
    const scores = runs.map((run) => run.testScores);
    const estimate = meanAuc(labels, scores, groups);
    const half = halfWidth(estimate, 1 - level);
    const spread = (pick: (run: TrialRun) => number): Spread => meanAndDeviation(runs.map(pick));
    const replicated =
      runs.length > 1
        ? hierarchicalBootstrap(labels, [scores], { groups, replicates, random: new Random(seed).fork(name) })
        : null;
    return [
      {
        arm: name,
        seeds: runs.map((run) => run.seed),
        aucs: estimate.values,
        auc: {
          value: estimate.mean,
          standardError: Math.sqrt(estimate.variance),
          ...intervalAround(estimate.mean, half, {
            level,
            smallerClass: Math.min(positiveGroups, negativeGroups),
          }),
        },
        bootstrap: replicated && percentileInterval(replicated[0]!, level),
        scores: {
          balancedAccuracy: spread((run) => run.test.balancedAccuracy),
          sensitivity: spread((run) => run.test.sensitivity),
          specificity: spread((run) => run.test.specificity),
          logLoss: spread((run) => run.test.logLoss),
          brier: spread((run) => run.test.brier),
        },
        validationAuc: spread((run) => run.validation.auc),
      },
    ];
  });

  const present = summary.arms.filter(({ name }) => runsOf(name).length > 0);
  const pairs = comparisonPairs(present).filter(({ arm, baseline }) => {
    const shared = sharedSeeds(runsOf(arm.name), runsOf(baseline.name));
    if (shared.length === 0)
      notes.push(`${arm.name} and ${baseline.name} share no seed and are not compared.`);
    return shared.length > 0;
  });
  const primary = primaryIndex(pairs);
  const roles = pairs.map(({ question }, index) =>
    question === 'control' ? 'control' : index === primary ? 'primary' : 'secondary',
  );
  const family = roles.filter((role) => role === 'secondary').length;

  const comparisons = pairs.map(({ arm, baseline, question }, index): Comparison => {
    const role = roles[index]!;
    // A secondary difference must pass Holm's strictest step to be sure of being found.
    const alpha = (1 - level) / (role === 'secondary' ? family : 1);
    const ours = runsOf(arm.name);
    const theirs = runsOf(baseline.name);
    const seeds = sharedSeeds(ours, theirs);
    if (seeds.length < Math.max(ours.length, theirs.length)) {
      notes.push(
        `${arm.name} against ${baseline.name}: only the ${seeds.length} seeds that both have count.`,
      );
    }
    const pick = (runs: TrialRun[]): number[][] =>
      seeds.map((s) => runs.find((run) => run.seed === s)!.testScores);
    const armScores = pick(ours);
    const baselineScores = pick(theirs);
    const estimate = meanDifference(labels, armScores, baselineScores, groups);
    const { low, high, p, standardError } = inference(estimate, level);
    let bootstrap: Interval | null = null;
    if (seeds.length > 1) {
      const random = new Random(seed).fork(`${arm.name} − ${baseline.name}`);
      const [a, b] = hierarchicalBootstrap(labels, [armScores, baselineScores], {
        groups,
        replicates,
        random,
      });
      bootstrap = percentileInterval(
        a!.map((value, i) => value - b![i]!),
        level,
      );
    }
    const t = pairedT(estimate.values, level);
    const { seedVariance, testVariance } = estimate;
    return {
      arm: arm.name,
      baseline: baseline.name,
      question,
      role,
      seeds,
      differences: estimate.values,
      difference: { value: estimate.mean, low, high, standardError },
      p,
      correctedP: null,
      bootstrap,
      seedsOnly: t && { low: t.low, high: t.high, p: t.p, wilcoxonP: wilcoxonSignedRank(estimate.values).p },
      detectable: {
        difference: detectableDifference(
          { seeds: seeds.length, seedVariance, testVariance },
          { alpha, power },
        ),
        alpha,
        power,
        floor: detectableFloor(testVariance, { alpha, power }),
        seedsForMargin:
          seedVariance === null
            ? null
            : seedsNeeded(summary.equivalenceMargin, { seedVariance, testVariance }, { alpha, power }),
      },
    };
  });
  const tested = comparisons.filter(({ role }) => role === 'secondary');
  holm(tested.map(({ p }) => p)).forEach((p, i) => {
    tested[i]!.correctedP = p;
  });
  return {
    level,
    equivalenceMargin: summary.equivalenceMargin,
    test: {
      images: labels.length,
      positives: labels.filter((label) => label === 1).length,
      groups: new Set(groups).size,
    },
    arms,
    comparisons,
    primary,
    family,
    equalSteps: new Set(summary.runs.map((run) => run.optimiserSteps)).size === 1,
    notes,
  };
}

/** Which arm is held against which. Several synthetic arms (other amounts, other GANs) each get their baseline. */
function comparisonPairs(
  arms: readonly TrialArm[],
): { arm: TrialArm; baseline: TrialArm; question: Question }[] {
  const plain = (standard: boolean): TrialArm | undefined =>
    arms.find((arm) => !arm.synthetic && arm.standard === standard);
  const real = plain(false);
  const standard = plain(true);
  const pairs: { arm: TrialArm; baseline: TrialArm; question: Question }[] = [];
  for (const arm of arms.filter(({ synthetic }) => synthetic)) {
    const baseline = plain(arm.standard);
    if (baseline) pairs.push({ arm, baseline, question: 'adds' });
  }
  for (const arm of arms.filter((candidate) => candidate.synthetic && !candidate.standard)) {
    if (standard) pairs.push({ arm, baseline: standard, question: 'replaces' });
  }
  if (real && standard) pairs.push({ arm: standard, baseline: real, question: 'control' });
  return pairs;
}

/**
 * The comparison that answers "do these synthetic images help?": on top of standard augmentation where that was
 * run (nobody would do without it), else on top of the real images; the first such arm of the trial file. Fixed
 * by the design, never by the results.
 */
function primaryIndex(pairs: readonly { arm: TrialArm; question: Question }[]): number | null {
  const find = (accept: (pair: { arm: TrialArm; question: Question }) => boolean): number | null => {
    const index = pairs.findIndex(accept);
    return index < 0 ? null : index;
  };
  return (
    find(({ question, arm }) => question === 'adds' && arm.standard) ??
    find(({ question }) => question === 'adds') ??
    find(({ question }) => question === 'replaces')
  );
}

function sharedSeeds(a: readonly TrialRun[], b: readonly TrialRun[]): number[] {
  const theirs = new Set(b.map((run) => run.seed));
  return a.map((run) => run.seed).filter((seed) => theirs.has(seed));
}

function checkRuns({ test, runs, arms, name }: TrialSummary): void {
  const { ids, groups, labels } = test;
  if (ids.length !== labels.length || groups.length !== labels.length) {
    throw new DataError(
      `Trial ${name}: ${ids.length} test ids, ${groups.length} groups and ${labels.length} labels; each image needs one of each.`,
    );
  }
  const seen = new Set<string>();
  for (const run of runs) {
    const title = `Trial ${name}, arm ${run.arm}, seed ${run.seed}`;
    if (!arms.some((arm) => arm.name === run.arm))
      throw new DataError(`${title}: the trial has no such arm.`);
    if (seen.has(`${run.arm} ${run.seed}`)) throw new DataError(`${title}: recorded twice.`);
    seen.add(`${run.arm} ${run.seed}`);
    if (run.testScores.length !== labels.length) {
      throw new DataError(`${title}: ${run.testScores.length} scores for ${labels.length} test images.`);
    }
    const computed = auc(labels, run.testScores);
    // A recorded AUC that its scores do not give means scores in another order than the labels.
    if (Math.abs(computed - run.test.auc) > 1e-6) {
      throw new DataError(
        `${title}: recorded test AUC ${run.test.auc} is not the AUC of its scores (${computed}). Are scores and labels in the same order?`,
      );
    }
  }
}
