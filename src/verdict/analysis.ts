/**
 * From scores to estimates: mean AUC of each arm with its interval, paired differences between arms with interval,
 * corrected p-value and the smallest difference this trial could have found, on the test images and on every external test
 * set. The method is ../stats/seeds.ts's; a bootstrap by group and seed stands beside it as a check. docs/trial.md explains
 * the choices.
 */
import { holm, spendingShares } from '../stats/index.js';
import { type ArmAnalysis, analyseArm, type Context } from './arms.js';
import { analysePair, type Comparison, compare, type PairAnalysis, sharedReaders } from './comparison.js';
import {
  checkScores,
  countImages,
  externalBlock,
  foldBlocks,
  groupsOfClass,
  type ImageCounts,
} from './image-sets.js';
import { type ScoreTable, scoreTable } from './score-analysis.js';
import type { Limit, PlannedComparison, TrialScores } from './scores.js';

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
  const arms = present.map((name) => analyseArm(name, { blocks, table }, context));
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
        arms: present.flatMap((name) =>
          has(name) ? [analyseArm(name, { blocks: [block], table: scored }, context)] : [],
        ),
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
