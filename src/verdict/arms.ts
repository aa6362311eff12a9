/** An arm by itself: its mean AUC and other scores over folds and seeds, with intervals. */
import { Random } from 'graft-torch/base';
import {
  combineFolds,
  fewestGroups,
  halfWidth,
  hierarchicalBootstrap,
  type Interval,
  intervalAround,
  meanOf,
  percentileInterval,
  pooledSpread,
} from '../stats/index.js';
import { type Block, originOf } from './image-sets.js';
import type { ScoreEstimate, Scores, ScoreTable } from './score-analysis.js';
import type { TrialScores } from './scores.js';

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

/** How the analysis is made. */
export interface Context {
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

export const keyOf = ({ fold, seed }: RunKey): RunKey => ({ fold, seed });
export const distinctSeeds = (runs: readonly RunKey[]): number[] =>
  [...new Set(runs.map(({ seed }) => seed))].sort((a, b) => a - b);

/** @param table of the same blocks */
export function analyseArm(
  name: string,
  { blocks, table }: { blocks: readonly Block[]; table: ScoreTable },
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
export function meanReplicates(replicates: readonly Float64Array[]): Float64Array {
  return replicates[0]!.map((_, i) => replicates.reduce((sum, own) => sum + own[i]!, 0) / replicates.length);
}
