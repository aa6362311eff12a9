/** What a plan says of a design. */
import type { TestGroups } from './power-pilot.js';

/** What each has a generator of its own; none: the arms are any two ways to train, without synthetic images. */
export type Each = 'fold' | 'seed' | 'none';

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

export type Shape = Pick<Outlook, 'folds' | 'seeds' | 'each'>;
