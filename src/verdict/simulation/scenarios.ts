/** Nulls that a trial meets in practice, by name: what differs from the plain case, and in which designs it is asked. */
import type { Cohort } from './images.js';
import type { Chance, SimulatedDesign } from './scores.js';

export interface Scenario {
  name: string;
  /** What is special about it, for a table. */
  about: string;
  /** What a claim would be about beyond what was varied: such rows show a limit and are held to no promise. */
  beyond: boolean;
  chance: Chance;
  cohort: Cohort;
  external: Cohort | null;
  designs: readonly ScenarioDesign[];
}

export interface ScenarioDesign extends SimulatedDesign {
  /** Seeds at which one looks; the last is `seeds`. */
  looks: readonly number[] | null;
}

/** A pretrained classifier on 300 test images a fold. */
export const plainChance: Chance = {
  auc: 0.8,
  generator: 0.02,
  generatorLaw: 'normal',
  training: 0.015,
  interaction: 0.005,
  trainingAlike: 0,
  seed: 0.015,
  seedLaw: 'normal',
  seedsAlike: 0,
  shares: { common: 0.5, arm: 0.1, generator: 0.1 },
  withinGroup: 0.5,
  digits: null,
};
export const plainCohort: Cohort = {
  positives: 75,
  negatives: 225,
  sizes: 'single',
  positiveGroups: null,
  giant: null,
};

/** @param seeds in each fold, or at how many one looks */
const design = (
  folds: number,
  seeds: number | readonly number[],
  each: SimulatedDesign['each'] = 'fold',
): ScenarioDesign =>
  typeof seeds === 'number'
    ? { folds, seeds, each, looks: null }
    : { folds, seeds: seeds.at(-1)!, each, looks: seeds };

const usual = [design(5, 3), design(5, 3, 'seed')];

interface Changes {
  chance?: Partial<Chance>;
  cohort?: Partial<Cohort>;
  external?: Partial<Cohort>;
  designs?: readonly ScenarioDesign[];
  beyond?: boolean;
}

const scenario = (name: string, about: string, changes: Changes = {}): Scenario => ({
  name,
  about,
  beyond: changes.beyond ?? false,
  chance: { ...plainChance, ...changes.chance },
  cohort: { ...plainCohort, ...changes.cohort },
  external: changes.external ? { ...plainCohort, ...changes.external } : null,
  designs: changes.designs ?? usual,
});

const designs = [
  design(5, 3),
  design(5, 3, 'seed'),
  design(5, 2),
  design(5, 5),
  design(5, 1),
  design(10, 2),
  design(10, 1),
  design(2, 3),
  design(3, 3),
];

export const scenarios: readonly Scenario[] = [
  scenario('tau-0', 'generators alike (τ 0)', { chance: { generator: 0 }, designs }),
  scenario('tau-02', 'τ .02', { designs }),
  scenario('tau-04', 'τ .04', { chance: { generator: 0.04 } }),
  scenario('tau-05', 'τ .05', {
    chance: { generator: 0.05 },
    designs: [...usual, design(10, 2), design(5, 2)],
  }),
  scenario('training-sets', 'arms differ by training set (.03, and .03 in both)', {
    chance: { generator: 0, interaction: 0.03, training: 0.03 },
  }),
  scenario('seeds-wild', 'seeds from scratch (.04)', {
    chance: { seed: 0.04 },
    designs: [...usual, design(5, 2)],
  }),
  scenario('patients', 'patients of 1–8 images', { cohort: { sizes: 'patients' } }),
  scenario('mixed-patients', 'patients of 1–8 images of both classes', {
    cohort: { sizes: 'mixed-patients' },
  }),
  scenario('giant', 'one patient has 60 of the 75 positives of a fold', {
    cohort: { giant: { label: 1, images: 60 } },
    designs: [...usual, design(10, 2)],
  }),
  scenario('giant-negative', 'one patient has 180 of the 225 negatives of a fold', {
    cohort: { giant: { label: 0, images: 180 } },
  }),
  ...[10, 20, 60].map((groups) =>
    scenario(`positives-${groups}`, `positives of ${groups} patients in all`, {
      cohort: { positives: groups, positiveGroups: groups, sizes: 'patients' },
    }),
  ),
  scenario('tails-t3', 'generators and seeds: t on 3 df', { chance: { generatorLaw: 't3', seedLaw: 't3' } }),
  scenario('tails-t2', 'generators and seeds: t on 2 df', { chance: { generatorLaw: 't2', seedLaw: 't2' } }),
  scenario('contaminated', 'one generator and seed in ten is five times as far off', {
    chance: { generatorLaw: 'contaminated', seedLaw: 'contaminated' },
  }),
  scenario('ties-1', 'scores with one digit', { chance: { digits: 1 } }),
  scenario('ties-2', 'scores with two digits', { chance: { digits: 2 } }),
  ...[6, 10, 20].flatMap((each) =>
    [0.95, 0.99].map((auc) =>
      scenario(`small-${each}-${String(auc).slice(2)}`, `${each} + ${each} images a fold, AUC ${auc}`, {
        chance: { auc: auc, generator: 0, training: 0.003, interaction: 0, seed: 0.003 },
        cohort: { positives: each, negatives: each },
        designs: [design(5, 3), design(1, 3, 'trial'), design(10, 2), design(5, 1), design(10, 1)],
      }),
    ),
  ),
  scenario('saturated-99', 'AUC .99 on 300 images a fold', {
    chance: { auc: 0.99, generator: 0.003, training: 0.003, interaction: 0, seed: 0.003 },
    designs: [design(5, 3), design(1, 5, 'seed'), design(10, 2)],
  }),
  ...[4, 6, 10, 20].map((groups) =>
    scenario(`one-fold-${groups}`, `one fold, positives of ${groups} patients`, {
      chance: { generator: 0 },
      cohort: { positives: 3 * groups, positiveGroups: groups, sizes: 'patients' },
      designs: [design(1, 5, 'seed'), design(1, 3, 'trial')],
    }),
  ),
  scenario('one-fold', 'one fold, a generator for each seed (τ .02)', {
    designs: [design(1, 5, 'seed'), design(1, 10, 'seed'), design(1, 3, 'seed'), design(1, 2, 'seed')],
  }),
  scenario('one-fold-giant', 'one fold, a patient has 60 of 75 positives', {
    cohort: { giant: { label: 1, images: 60 } },
    designs: [design(1, 5, 'seed')],
  }),
  scenario('one-generator', 'one fold, one generator for all seeds (τ .02)', {
    designs: [design(1, 3, 'trial'), design(1, 5, 'trial'), design(1, 10, 'trial')],
  }),
  scenario('external', 'an external set of 300 images besides', {
    external: {},
    designs: [design(5, 3), design(5, 3, 'seed'), design(5, 1), design(10, 2), design(1, 5, 'seed')],
  }),
  scenario('external-patients', 'an external set, patients of 1–8 images', {
    external: { sizes: 'patients' },
    designs: [design(5, 3), design(5, 1)],
  }),
  scenario('external-few', 'an external set, 10 positives', {
    external: { positives: 10, negatives: 100 },
    designs: [design(5, 3), design(5, 1)],
  }),
  scenario('looks', 'looks at growing numbers of seeds (τ .02)', {
    designs: [design(5, [2, 3, 5], 'fold'), design(5, [2, 3, 5], 'seed'), design(1, [5, 8, 12], 'seed')],
  }),
  scenario('looks-0', 'looks at growing numbers of seeds (τ 0)', {
    chance: { generator: 0 },
    designs: [design(5, [2, 3, 5], 'fold'), design(1, [5, 8, 12], 'seed')],
  }),
  scenario('seeds-alike', 'half of a seed’s luck is the same in all folds', {
    beyond: true,
    chance: { seedsAlike: 0.5 },
  }),
  scenario('collection', 'half of a training set’s effect (.03) is the collection’s', {
    beyond: true,
    chance: { generator: 0, interaction: 0.03, trainingAlike: 0.5 },
  }),
];
