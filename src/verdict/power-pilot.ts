/** What a plan takes for granted: assumptions with their sources, or the variances of a finished trial or table. */
import { ConfigError } from 'graft-torch/base';
import { type AnalysisOptions, analyse, type TrialAnalysis } from './analysis.js';
import { readScoreTable, type VerdictPlan } from './table.js';

export interface PowerAssumptions {
  /** Test AUC that both arms are expected to have. */
  auc: number;
  /** Standard deviation, over seeds, of the paired difference in AUC on one and the same test set. */
  seedDeviation: number;
  /** τ: standard deviation, over generators of one recipe, of what their images do to the AUC. */
  generatorDeviation: number;
  /**
   * Correlation, within a class, of two classifiers' scores of an image: two seeds of one arm, and one seed each of two arms.
   * What the test set adds to the variance hangs on the difference of the two and hardly on their height.
   */
  correlation: { sameArm: number; otherArm: number };
}

/** From docs/experiments.md, 2026-11, ISIC 2017 trials: the primary comparison's seeds, its folds, and C on its test set. */
export const defaultAssumptions: PowerAssumptions = {
  auc: 0.8,
  seedDeviation: 0.057,
  generatorDeviation: 0.05,
  correlation: { sameArm: 0.6, otherArm: 0.43 },
};

/** Groups (patients, lesions) with images of each class, over all folds. */
export interface TestGroups {
  positives: number;
  negatives: number;
}

/** What a finished trial knows of its own variances. */
export interface Pilot {
  name: string;
  /** s² of ../stats/seeds.ts; without that of generators, where each fold had one. */
  seedVariance: number;
  degreesOfFreedom: number;
  /** s² holds the generators already: each seed had one. */
  perSeed: boolean;
  /** τ², with what else is between folds; null where one fold, or a generator a seed, does not tell it apart. */
  generatorVariance: number | null;
  /** C, on these groups. */
  testVariance: number;
  test: TestGroups;
}

/** The pilot's variances of the primary comparison, else of the first one. @throws ConfigError where they are unknown */
export function pilotOf(analysis: TrialAnalysis, name: string): Pilot {
  const comparison = analysis.comparisons[analysis.primary ?? 0];
  const variance = comparison?.variance;
  if (!variance || variance.seeds === null || variance.between !== 'seeds') {
    throw new ConfigError(
      `${name}: this trial cannot be a pilot, it has no comparison over two seeds or more in a fold`,
    );
  }
  const nothing = comparison.degenerate.filter((one) => one !== 'chance' && one !== 'few-groups');
  if (nothing.length > 0)
    throw new ConfigError(
      `${name}: this trial cannot be a pilot, its arms could not differ (${nothing.join(', ')}), so that its variances say nothing`,
    );
  const { groups, positiveGroups } = analysis.test;
  const { folds, generators } = comparison;
  return {
    name,
    perSeed: generators > folds,
    generatorVariance: folds > 1 && generators <= folds ? variance.beyond : null,
    seedVariance: variance.seeds,
    degreesOfFreedom: variance.degreesOfFreedom,
    testVariance: variance.test,
    test: { positives: positiveGroups, negatives: Math.max(1, groups - positiveGroups) },
  };
}

/** A table of scores as a pilot, with its design. */
export interface TablePilot {
  pilot: Pilot;
  /** In the fold that has most. */
  seeds: number;
  folds: number;
}

/** @throws ConfigError for a table of AUCs, or as `pilotOf`; else as `readScoreTable` */
export async function pilotOfTable(paths: readonly string[], plan: VerdictPlan): Promise<TablePilot> {
  const { looks: _, ...rest } = plan;
  const table = await readScoreTable(paths, rest);
  const name = paths[0]!;
  if (table.kind === 'aucs')
    throw new ConfigError(
      `${name}: a table of AUCs cannot be a pilot; what test images add to the variance is not in it`,
    );
  const seeds = new Map<number, Set<number>>();
  for (const { fold, seed } of table.scores.runs) seeds.set(fold, (seeds.get(fold) ?? new Set()).add(seed));
  return {
    pilot: pilotOf(analyse(table.scores, noBootstrap), name),
    seeds: Math.max(...[...seeds.values()].map(({ size }) => size)),
    folds: seeds.size,
  };
}

const noBootstrap: AnalysisOptions = { replicates: 0 };
