/**
 * What a trial will be able to see, before anything is trained: the smallest difference it can be relied on to find, the
 * chance of a verdict, how folds, generators and seeds trade, and what it would take to find the margin. Either from
 * assumptions (AUC, spread of the paired difference over seeds and over generators, how alike classifiers score an image;
 * binormal model, ../stats/binormal.ts) or from the variances of a finished trial. Variances are taken for the true ones; so
 * the answer is as rough as they are.
 */
import { ConfigError } from 'graft-torch/base';
import {
  binormalCovariance,
  chanceOfEffect,
  chanceOfEquivalence,
  type Design,
  detectableDifference,
  detectableFloor,
  foldsNeeded,
  groupsNeeded,
  seedsAndGroupsNeeded,
  seedsNeeded,
  spendingShares,
} from '../stats/index.js';
import type { Each, Outlook, PowerPlan, Shape } from './power-outlook.js';
import { defaultAssumptions, type Pilot, type PowerAssumptions, type TestGroups } from './power-pilot.js';
import { basisOf, inWords } from './power-words.js';

export interface PlanInput {
  /** In each fold. */
  seeds: number;
  /** Default 1. */
  folds?: number;
  /** Default fold. */
  each?: Each;
  test: TestGroups;
  /** Of the whole dataset: what several folds would test, where one is planned; default `test`. */
  all?: TestGroups;
  /** Default 0.02. */
  margin?: number;
  /** Default 0.95. */
  level?: number;
  /** Default 0.8. */
  power?: number;
  /** Of a sequential trial; `seeds` then counts for nothing, the last look does. */
  looks?: readonly number[];
  /** What is not given is taken from {@link defaultAssumptions}. */
  assume?: Partial<PowerAssumptions>;
  /** Instead of assumptions. */
  pilot?: Pilot;
}

/** Designs that `trades` tells of, as far as each fold keeps two groups of each class. */
const FOLDS = [1, 5, 10];
const SEEDS = [2, 3, 5];

/** @throws ConfigError for numbers out of range */
export function planPower(input: PlanInput): PowerPlan {
  const { folds = 1, each = 'fold', test, margin = 0.02, level = 0.95, power = 0.8, looks, pilot } = input;
  const assume = { ...defaultAssumptions, ...input.assume };
  check({ ...input, folds, margin }, assume);
  const seeds = looks?.at(-1) ?? input.seeds;
  const alpha = (1 - level) * (looks ? spendingShares(looks, 1 - level).at(-1)! : 1);
  const rates = { alpha, power };
  const seedVariance = pilot ? pilot.seedVariance : assume.seedDeviation ** 2;
  const generatorVariance = pilot?.generatorVariance ?? assume.generatorDeviation ** 2;
  /** One fold tests its own split; several test every image once. */
  const testedIn = (count: number): TestGroups => (count > 1 && folds === 1 ? (input.all ?? test) : test);
  const testVarianceOf = (count: number): number =>
    pilot
      ? (pilot.testVariance * scarcity(testedIn(count))) / scarcity(pilot.test)
      : assumedTestVariance(assume, testedIn(count), count);

  const designOf = (of: { folds: number; seeds: number; each: Each }): Design | null => {
    if (of.seeds * of.folds < 2) return null;
    const perSeed = of.each === 'seed' || of.folds === 1 ? 0 : generatorVariance;
    return {
      seeds: of.seeds,
      folds: of.folds,
      // One fold with one generator: its luck is in no variance, and the verdict is about its images alone.
      seedVariance: seedVariance + (of.each === 'seed' && !pilot?.perSeed ? generatorVariance : 0),
      foldVariance: perSeed,
      testVariance: testVarianceOf(of.folds),
      testGroups: Math.min(testedIn(of.folds).positives, testedIn(of.folds).negatives),
    };
  };
  const outlook = (of: { folds: number; seeds: number; each: Each }): Outlook => {
    const design = designOf(of);
    return {
      ...of,
      generators: { none: 0, fold: of.folds, seed: of.folds * of.seeds }[of.each],
      classifiers: of.folds * of.seeds,
      detectable: design && detectableDifference(design, rates),
      powerAtMargin: design ? chanceOfEffect(margin, design, alpha) : 0,
      equivalenceChance: design ? chanceOfEquivalence(margin, design, { alpha }) : 0,
    };
  };
  const groups = test.positives + test.negatives;
  const split = (total: number): TestGroups => ({
    positives: Math.ceil((total * test.positives) / groups),
    negatives: Math.ceil((total * test.negatives) / groups),
  });
  const own = designOf({ folds, each, seeds: folds > 1 ? seeds : Math.max(2, seeds) })!;
  const known = { ...own, seedVariance: own.seedVariance!, groups };
  const seedsForMargin = seedsNeeded(margin, known, rates);
  const enoughGroups = groupsNeeded(margin, known, rates);
  const both =
    seedsForMargin === null && enoughGroups === null ? seedsAndGroupsNeeded(margin, known, rates) : null;
  const trades = tradesOf({ folds, seeds, each }, input.all ?? test).map(outlook);
  const plan: Omit<PowerPlan, 'sentences'> = {
    ...outlook({ folds, seeds, each }),
    margin,
    alpha,
    power,
    seedVariance,
    generatorVariance,
    testVariance: own.testVariance,
    floor: detectableFloor(own, rates),
    seedsForMargin,
    foldsForMargin: folds > 1 ? foldsNeeded(margin, own, rates) : null,
    groupsForMargin: enoughGroups === null ? null : split(enoughGroups),
    bothForMargin: both && { seeds: both.seeds, ...split(both.groups) },
    trades,
    recommended: recommend(trades, { folds, seeds, each }),
    basis: basisOf({ pilot, each, assume, given: input.assume ?? {} }),
  };
  return { ...plan, sentences: inWords(plan, test) };
}

function tradesOf(own: Shape, test: TestGroups): Shape[] {
  const most = Math.floor(Math.min(test.positives, test.negatives) / 2);
  const folds = [...new Set([own.folds, ...FOLDS])].filter((count) => count <= most).sort((a, b) => a - b);
  const seeds = [...new Set([own.seeds, ...SEEDS])].filter((count) => count > 1).sort((a, b) => a - b);
  const generators: readonly Each[] = own.each === 'none' ? ['none'] : ['fold', 'seed'];
  return folds.flatMap((count) =>
    seeds.flatMap((each) => generators.map((generator) => ({ folds: count, seeds: each, each: generator }))),
  );
}

/** The design that finds the smallest difference of the recipe, not of one generator, for at most a third more classifiers. */
function recommend(trades: readonly Outlook[], own: Shape): Outlook | null {
  const affordable = trades.filter(
    ({ classifiers, generators, detectable }) =>
      generators !== 1 && detectable !== null && classifiers <= Math.ceil((own.folds * own.seeds * 4) / 3),
  );
  const best = affordable.reduce<Outlook | null>(
    (found, one) => (found && found.detectable! <= one.detectable! ? found : one),
    null,
  );
  const same = best && best.folds === own.folds && best.seeds === own.seeds && best.each === own.each;
  return same ? null : best;
}

/** How AUC variances fall with the test set: as 1/m + 1/n. */
const scarcity = ({ positives, negatives }: TestGroups): number => 1 / positives + 1 / negatives;

/** C = 2 (Cov₂ − Cov₃): two seeds of one arm against one seed each of two; folds share the groups among them. */
function assumedTestVariance(
  { auc, correlation }: PowerAssumptions,
  test: TestGroups,
  folds: number,
): number {
  const covariance = (rho: number): number =>
    binormalCovariance({
      aucs: [auc, auc],
      correlation: rho,
      positives: test.positives / folds,
      negatives: test.negatives / folds,
    });
  return (2 * (covariance(correlation.sameArm) - covariance(correlation.otherArm))) / folds;
}

function check(
  { seeds, folds, test, margin, looks }: PlanInput & { folds: number; margin: number },
  { auc, seedDeviation, generatorDeviation, correlation }: PowerAssumptions,
): void {
  const fail = (problem: string): never => {
    throw new ConfigError(`plan: ${problem}`);
  };
  if (!(Number.isInteger(seeds) && seeds >= 1))
    fail(`seeds: expected a whole number from 1 on, not ${seeds}`);
  if (!(Number.isInteger(folds) && folds >= 1))
    fail(`folds: expected a whole number from 1 on, not ${folds}`);
  if (!(margin > 0 && margin < 1)) fail(`margin: expected a number between 0 and 1, not ${margin}`);
  if (!(test.positives >= 2 * folds && test.negatives >= 2 * folds))
    fail(
      `test: ${test.positives} positive and ${test.negatives} negative groups; each fold needs two of each at least`,
    );
  if (looks?.some((look, i) => look < 2 || look <= (looks[i - 1] ?? 0)))
    fail(`looks: expected growing numbers of seeds from 2 on, not ${looks.join(', ')}`);
  if (!(auc > 0.5 && auc < 1)) fail(`auc: expected a number between 0.5 and 1, not ${auc}`);
  if (!(seedDeviation > 0)) fail(`seedDeviation: expected a positive number, not ${seedDeviation}`);
  if (!(generatorDeviation >= 0))
    fail(`generatorDeviation: expected 0 or a positive number, not ${generatorDeviation}`);
  const { sameArm, otherArm } = correlation;
  if (!(otherArm >= 0 && sameArm >= otherArm && sameArm <= 1))
    fail(`correlation: expected 0 ≤ otherArm ≤ sameArm ≤ 1, not ${otherArm} and ${sameArm}`);
}
