/** What a comparison could have found, and what it would take to find the margin, by the variances that were seen. */
import {
  type Design,
  detectableDifference,
  detectableFloor,
  fewestGroups,
  foldsNeeded,
  groupsNeeded,
  type SeedsEstimate,
  seedsAndGroupsNeeded,
  seedsNeeded,
} from '../stats/index.js';

export interface Detectable {
  /** Smallest true difference found with `power` at `alpha`. */
  difference: number;
  alpha: number;
  power: number;
  /** The same with endless seeds in these folds, on this test set; null where seeds and images cannot be told apart. */
  floor: number | null;
  /** Seeds (in each fold) for finding the equivalence margin; null: never with these folds and images, or unknown. */
  seedsForMargin: number | null;
  /** Folds, each with a generator of its own, for finding it with the present seeds; null: never on these images, or unknown. */
  foldsForMargin: number | null;
  /** Test groups for finding it with the present seeds and folds; null: never with these, or unknown. */
  groupsForMargin: number | null;
  /** Both seeds and groups, where neither alone does it; null where one does, or unknown. */
  bothForMargin: { seeds: number; groups: number } | null;
}

export interface DetectableOptions {
  folds: number;
  /** Test groups, over all folds. */
  groups: number;
  margin: number;
  alpha: number;
  power: number;
}

/**
 * What differs between folds beyond seeds and images, τ²: S² less what s²/r and C_f make of it; 0 where that is more, and
 * with one seed a fold, where nobody can tell.
 */
export function foldVarianceOf(estimate: SeedsEstimate, folds: number): number {
  const { across, seedVariance, between, runs, testVariance } = estimate;
  if (!across || between !== 'seeds' || seedVariance === null) return 0;
  return Math.max(0, folds * across.variance - (folds * seedVariance) / runs - folds * testVariance);
}

/** The variances of an estimate as a design whose numbers can be changed. */
export function designOf(estimate: SeedsEstimate, folds: number): Design {
  const { seedVariance, between, testVariance, runs } = estimate;
  const testGroups = fewestGroups(estimate);
  const images = { testVariance, ...(Number.isFinite(testGroups) && { testGroups }) };
  // One seed a fold: folds are what seeds are elsewhere, and nobody can tell what more of either would bring.
  if (between === 'folds') return { seeds: folds, folds: 1, seedVariance, ...images };
  return {
    seeds: runs / folds,
    folds,
    seedVariance,
    foldVariance: foldVarianceOf(estimate, folds),
    ...images,
  };
}

/** In place of the answer where it was not asked for. */
export const nothingDetected = (_: SeedsEstimate, { alpha, power }: DetectableOptions): Detectable => ({
  difference: Number.NaN,
  alpha,
  power,
  floor: null,
  seedsForMargin: null,
  foldsForMargin: null,
  groupsForMargin: null,
  bothForMargin: null,
});

export function whatCanBeDetected(estimate: SeedsEstimate, options: DetectableOptions): Detectable {
  const { folds, groups, margin, alpha, power } = options;
  const rates = { alpha, power };
  const design = designOf(estimate, folds);
  const apart = estimate.between === 'seeds' && design.seedVariance !== null;
  const known = {
    difference: detectableDifference(design, rates),
    alpha,
    power,
    floor: estimate.between === 'folds' ? null : detectableFloor(design, rates),
  };
  if (!apart) {
    return {
      ...known,
      seedsForMargin: null,
      foldsForMargin: null,
      groupsForMargin: null,
      bothForMargin: null,
    };
  }
  const seedVariance = design.seedVariance!;
  const seedsForMargin = seedsNeeded(margin, { ...design, seedVariance }, rates);
  const groupsForMargin = groupsNeeded(margin, { ...design, groups }, rates);
  return {
    ...known,
    seedsForMargin,
    foldsForMargin: folds > 1 ? foldsNeeded(margin, design, rates) : null,
    groupsForMargin,
    bothForMargin:
      seedsForMargin === null && groupsForMargin === null
        ? seedsAndGroupsNeeded(margin, { ...design, seedVariance, groups }, rates)
        : null,
  };
}
