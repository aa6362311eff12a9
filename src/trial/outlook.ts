/** What a trial will train on, and what it will be able to see, before anything runs. */
import { type PowerPlan, pilotOf, planPower } from '../verdict/index.js';
import { summarise } from './analysis.js';
import { syntheticCount } from './arms.js';
import { armsOf, type TrialConfig } from './config.js';
import { readTrialSummary } from './result.js';
import type { Trial } from './trial.js';
import { trainingCounts, variantRows } from './variants.js';

/** Training images of an arm. */
export interface ArmImages {
  arm: string;
  /** All real ones, and of them those of the positive class. */
  real: number;
  positives: number;
  synthetic: number;
}

/** In the first fold. */
export const armImages = ({ config, dataset }: Trial): ArmImages[] =>
  armsOf(config).map((arm) => {
    const { realFraction } = arm;
    const counts = trainingCounts(dataset, variantRows(dataset, config.folds, { fold: 1, realFraction }));
    const isWhole = arm.real === 'all';
    return {
      arm: arm.name,
      real: isWhole ? counts.all : counts.all - counts.positives,
      positives: isWhole ? counts.positives : 0,
      synthetic: arm.synthetic ? syntheticCount(arm.synthetic.amount, counts) : 0,
    };
  });

export interface TrialPowerOptions {
  /** Folder of a finished trial, whose variances are taken instead of assumptions. */
  pilot?: string | undefined;
  /** What is expected, where it is known better than the pilot or the defaults have it. */
  assume?: {
    /** Of the test images, of the classifiers. */
    auc?: number | undefined;
    /** Standard deviations of the paired difference in AUC, over seeds and over generators. */
    seedDeviation?: number | undefined;
    generatorDeviation?: number | undefined;
  };
}

/** @throws DataError where the pilot is no finished trial */
export function trialPower({ config, dataset }: Trial, options: TrialPowerOptions = {}): PowerPlan {
  const { pilot, assume = {} } = options;
  const groupsOf = (rows: readonly { label: string; group: string }[]) => {
    const of = (isPositive: boolean): number =>
      new Set(
        rows.filter(({ label }) => (label === dataset.positive) === isPositive).map(({ group }) => group),
      ).size;
    return { positives: of(true), negatives: of(false) };
  };
  const tested = Array.from({ length: config.folds }, (_, i) =>
    variantRows(dataset, config.folds, { fold: i + 1, realFraction: 1 }).filter(
      ({ split }) => split === 'test',
    ),
  ).flat();
  const known = Object.entries(assume).filter(([, value]) => value !== undefined);
  return planPower({
    seeds: config.seeds.length,
    folds: config.folds,
    each: eachOf(config),
    test: groupsOf(tested),
    all: groupsOf(dataset.rows),
    margin: config.equivalenceMargin,
    level: config.level,
    power: config.power,
    looks: config.sequential?.looks,
    pilot:
      pilot === undefined ? undefined : pilotOf(summarise(readTrialSummary(pilot), { replicates: 0 }), pilot),
    assume: Object.fromEntries(known),
  });
}

/** Of the GAN that plain `synthetic` means, which the primary comparison has. */
const eachOf = ({ gans }: TrialConfig): 'fold' | 'seed' => {
  const [first] = Object.values(gans);
  return first?.run === null ? first.each : 'fold';
};
