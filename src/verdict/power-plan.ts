/**
 * What a trial will be able to see, before anything is trained: the smallest difference it can be relied on to find, the
 * chance of a verdict, how folds, generators and seeds trade, and what it would take to find the margin. Either from
 * assumptions (AUC, spread of the paired difference over seeds and over generators, how alike classifiers score an image;
 * binormal model, ../stats/binormal.ts) or from the variances of a finished trial. Variances are taken for the true ones; so
 * the answer is as rough as they are.
 */
import { ConfigError } from 'graft-torch/base';
import { plural, whole } from '../report/index.js';
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
import type { TrialAnalysis } from './analysis.js';

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

const sources: Record<keyof PowerAssumptions, string> = {
  auc: 'an assumption, not measured',
  seedDeviation:
    'our ISIC 2017 trial: EfficientNet-B0 from scratch at 64 px, three seeds (docs/experiments.md); pretrained networks differ less',
  generatorDeviation:
    'about what four folds of our ISIC 2017 trial show beyond seeds and test images; a pilot with folds knows better',
  correlation:
    'the same trial: a difference of 0.17 explains what its test set of 60 melanomas added; their height is an assumption that hardly matters',
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

/** What each has a generator of its own; none: the arms are any two ways to train, without synthetic images. */
export type Each = 'fold' | 'seed' | 'none';

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

/** What can be expected of a design. */
export interface Outlook {
  folds: number;
  /** In each fold. */
  seeds: number;
  each: Each;
  /** To be trained in all, and classifiers of an arm. */
  generators: number;
  classifiers: number;
  /** Smallest true difference found with the wanted power; null where no verdict would be given. */
  detectable: number | null;
  /** Chance of "helps" or "harms" at a true difference of the margin. */
  powerAtMargin: number;
  /** Chance of "no difference that matters" where there is none at all. */
  equivalenceChance: number;
}

export interface PowerPlan extends Outlook {
  margin: number;
  /** Two-sided error rate of the verdict, in a sequential trial of its last look. */
  alpha: number;
  power: number;
  /** s², τ² and C that the rest follows from. */
  seedVariance: number;
  generatorVariance: number;
  testVariance: number;
  /** `detectable` with endless seeds on this test set. */
  floor: number;
  /** Seeds (in each fold) with which the margin is found; null: never with these folds and images. */
  seedsForMargin: number | null;
  /** Folds, each with a generator of its own, with which it is found by these seeds; null: never on this test set, or without folds. */
  foldsForMargin: number | null;
  /** Test groups, both classes in proportion, with which it is found by these seeds; null: never with these seeds. */
  groupsForMargin: TestGroups | null;
  /** Both together, where neither alone does it. */
  bothForMargin: (TestGroups & { seeds: number }) | null;
  /** Other designs on the same images: how folds, generators and seeds trade. */
  trades: Outlook[];
  /** Of them the one that finds most for about as many classifiers as were asked for; null where that is the plan itself. */
  recommended: Outlook | null;
  /** What was taken for granted. */
  basis: { name: string; value: string; source: string }[];
  /** The plan in words. */
  sentences: string[];
}

/** Designs that `trades` tells of, as far as each fold keeps two groups of each class. */
const FOLDS = [1, 5, 10];
const SEEDS = [2, 3, 5];

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
    basis: (pilot
      ? pilotBasis(pilot, assume, input.assume ?? {})
      : assumedBasis(assume, input.assume ?? {})
    ).filter(({ name }) => each !== 'none' || name !== GENERATORS),
  };
  return { ...plan, sentences: inWords(plan, test) };
}

type Shape = Pick<Outlook, 'folds' | 'seeds' | 'each'>;

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

function pilotBasis(
  { name, seedVariance, degreesOfFreedom, generatorVariance, testVariance, test }: Pilot,
  assume: PowerAssumptions,
  given: Partial<PowerAssumptions>,
): PowerPlan['basis'] {
  const rough =
    degreesOfFreedom < 8 ? '; with so few degrees of freedom it may well be half or twice as large' : '';
  return [
    {
      name: 'deviation of the paired difference over seeds',
      value: Math.sqrt(seedVariance).toFixed(4),
      source: `pilot ${name}, ${plural(degreesOfFreedom, 'degree')} of freedom${rough}`,
    },
    generatorVariance === null
      ? generatorBasis(assume, given)
      : {
          name: GENERATORS,
          value: Math.sqrt(generatorVariance).toFixed(4),
          source: `pilot ${name}: what its folds differ by beyond seeds and test images; from so few folds, rough`,
        },
    {
      name: 'deviation from the choice of test images',
      value: Math.sqrt(testVariance).toFixed(4),
      source: `pilot ${name}, ${whole(test.positives)} positive and ${whole(test.negatives)} negative test groups`,
    },
  ];
}

const GENERATORS = 'deviation over generators of one recipe, τ';

const generatorBasis = (
  assume: PowerAssumptions,
  given: Partial<PowerAssumptions>,
): PowerPlan['basis'][number] => ({
  name: GENERATORS,
  value: String(assume.generatorDeviation),
  source: given.generatorDeviation === undefined ? sources.generatorDeviation : 'given',
});

function assumedBasis(assume: PowerAssumptions, given: Partial<PowerAssumptions>): PowerPlan['basis'] {
  const source = (key: keyof PowerAssumptions): string => (given[key] === undefined ? sources[key] : 'given');
  const { sameArm, otherArm } = assume.correlation;
  return [
    { name: 'test AUC', value: String(assume.auc), source: source('auc') },
    {
      name: 'deviation of the paired difference over seeds',
      value: String(assume.seedDeviation),
      source: source('seedDeviation'),
    },
    generatorBasis(assume, given),
    {
      name: 'correlation of two classifiers’ scores of an image',
      value: `${sameArm} in one arm, ${otherArm} between arms`,
      source: source('correlation'),
    },
  ];
}

const percent = (share: number): string => `${Math.round(100 * share)} %`;
/** Rounded up: a plan must not promise more than it can keep. */
const difference = (value: number): string => `±${(Math.ceil(value * 1000 - 1e-9) / 1000).toFixed(3)}`;

/** '5 folds × 3 seeds, a generator for each seed' */
function shapeText({ folds, seeds, each }: Shape): string {
  const size = `${folds > 1 ? `${plural(folds, 'fold')} × ` : ''}${plural(seeds, 'seed')}`;
  if (each === 'none') return size;
  return `${size}, ${each === 'seed' ? 'a generator for each seed' : folds > 1 ? 'a generator for each fold' : 'one generator'}`;
}

function inWords(plan: Omit<PowerPlan, 'sentences'>, test: TestGroups): string[] {
  const { folds, margin, power, detectable, recommended, generators } = plan;
  const inEach = folds > 1 ? ' in each fold' : '';
  const groupsText = ({ positives, negatives }: TestGroups): string =>
    `${whole(positives)} positive and ${whole(negatives)} negative test groups`;
  if (detectable === null) {
    return [
      `One seed gets no verdict: it cannot tell an effect from the luck of training. Plan two at least.`,
    ];
  }
  const sentences = [
    `${shapeText(plan)}, on ${groupsText(test)}, will find a true difference of ${difference(detectable)} with ${percent(power)} power.`,
    `A true difference of the margin, ±${margin}, would be found in ${percent(plan.powerAtMargin)} of such trials; where there is none, ${percent(plan.equivalenceChance)} would show that it is within the margin.`,
  ];
  if (generators === 1) {
    sentences.push(
      'With one generator the verdict is about its images and no others: another run of the same recipe may do otherwise.',
    );
  }
  if (recommended) {
    const { classifiers, generators: count } = recommended;
    sentences.push(
      `Recommended: ${shapeText(recommended)} (${plural(classifiers, 'classifier')} an arm${count > 0 ? `, ${plural(count, 'generator')}` : ''}), which finds ${difference(recommended.detectable!)}${generators === 1 ? ', of the recipe' : ''}.`,
    );
  }
  if (detectable <= margin) return sentences;
  const { seedsForMargin, foldsForMargin, groupsForMargin, bothForMargin } = plan;
  if (seedsForMargin === null) {
    sentences.push(
      `${folds > 1 ? 'With these folds' : 'On this test set'} no number of seeds finds less than ${difference(plan.floor)}: only more ${folds > 1 ? 'folds or ' : ''}test images do.`,
    );
  }
  const ways = [
    foldsForMargin === null || foldsForMargin <= folds ? null : `${plural(foldsForMargin, 'fold')}`,
    seedsForMargin === null ? null : `${plural(seedsForMargin, 'seed')}${inEach}`,
    groupsForMargin && groupsText(groupsForMargin),
    bothForMargin &&
      `${plural(bothForMargin.seeds, 'seed')}${inEach} together with ${groupsText(bothForMargin)}`,
  ].filter((way) => way !== null);
  if (ways.length > 0) sentences.push(`To find the margin it takes ${ways.join(', or ')}.`);
  return sentences;
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
