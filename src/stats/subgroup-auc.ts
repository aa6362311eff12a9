/**
 * AUC within a subgroup of the images and within the rest, and whether the two differ. The variance of each is DeLong's by
 * group (./delong.ts); patients who have images on both sides tie the two together:
 *
 *   Var(A₁ − A₂) = Var(A₁) + Var(A₂) − 2 Cov,   Cov = I/(I − 1) · Σ_g d₁(g) d₂(g)
 *
 * d(g): what the images of group g add to the AUC's deviation (the sums of Obuchowski, Biometrics 1997, over both classes),
 * over all I groups; 0 where no group is on both sides.
 *
 * An AUC within a subgroup looks at the ranking among its own images only. It can be the same everywhere while one common
 * threshold misses more melanomas in one subgroup: look at sensitivity and specificity as well.
 */

import { aucCovariance, type Interval, structuralComponents } from './delong.js';
import { normalCdf, normalQuantile } from './distributions.js';
import { groupIndex } from './groups.js';
import type { Numbers } from './roc.js';

export interface SubgroupDifference extends Interval {
  /** AUC within the subgroup − AUC within the rest. */
  difference: number;
  standardError: number;
  /** Two-sided. */
  p: number;
}

/** Fewer groups (patients, lesions, images) than this of the smaller class: too few to judge a subgroup by. */
export const FEWEST_TO_JUDGE = 20;
/** Groups of each class that an interval needs. */
const FEWEST_GROUPS = 2;
/** Variances below this are rounding. */
const NOISE = 1e-18;

/** Images of one side, picked out of the whole. */
interface Side {
  labels: number[];
  scores: number[];
  groups: string[];
}

function groupsOfClass({ labels, groups }: Side, label: 0 | 1): number {
  return new Set(groups.filter((_, i) => labels[i] === label)).size;
}

const hasInterval = (side: Side): boolean =>
  groupsOfClass(side, 0) >= FEWEST_GROUPS && groupsOfClass(side, 1) >= FEWEST_GROUPS;

/** What each group adds to the deviation of a side's AUC. */
function influences({ labels, scores, groups }: Side): Map<string, number> {
  const { auc, components } = structuralComponents(labels, scores);
  const positives = labels.filter((label) => label === 1).length;
  const sums = new Map<string, number>();
  for (let i = 0; i < labels.length; i++) {
    const share = (components[i]! - auc) / (labels[i] === 1 ? positives : labels.length - positives);
    sums.set(groups[i]!, (sums.get(groups[i]!) ?? 0) + share);
  }
  return sums;
}

/**
 * @param options.inside one flag an image: in the subgroup or in the rest; an image that is in neither (value not known) has null
 * @returns null where no variance can be estimated: a class has fewer than two groups on one of the sides, a side
 * separates the classes without error, or the sides share all of their variance
 */
export function subgroupAucDifference(
  labels: Numbers,
  scores: Numbers,
  options: { inside: readonly (boolean | null)[]; groups?: readonly string[]; level?: number },
): SubgroupDifference | null {
  const { inside, groups, level = 0.95 } = options;
  const sides = [true, false].map((flag): Side => {
    const members = inside.flatMap((value, i) => (value === flag ? [i] : []));
    return {
      labels: members.map((i) => labels[i]!),
      scores: members.map((i) => scores[i]!),
      groups: members.map((i) => groups?.[i] ?? String(i)),
    };
  }) as [Side, Side];
  if (!sides.every(hasInterval)) return null;
  const [first, second] = sides.map((side) => {
    const { aucs, covariance } = aucCovariance(side.labels, [side.scores], { groups: side.groups });
    return { auc: aucs[0]!, variance: covariance[0]![0]!, influences: influences(side) };
  }) as [Estimate, Estimate];
  if (first.variance < NOISE || second.variance < NOISE) return null;
  const { size } = groupIndex(sides[0].groups.length + sides[1].groups.length, [
    ...sides[0].groups,
    ...sides[1].groups,
  ]);
  let covariance = 0;
  for (const [group, share] of first.influences) covariance += share * (second.influences.get(group) ?? 0);
  covariance *= size / (size - 1);
  const difference = first.auc - second.auc;
  const variance = first.variance + second.variance - 2 * covariance;
  // Patients on both sides may leave nothing of it.
  if (variance < NOISE) return null;
  const standardError = Math.sqrt(variance);
  const half = normalQuantile(0.5 + level / 2) * standardError;
  const p = Math.min(1, 2 * normalCdf(-Math.abs(difference) / standardError));
  return {
    difference,
    standardError,
    p,
    low: Math.max(-1, difference - half),
    high: Math.min(1, difference + half),
  };
}

interface Estimate {
  auc: number;
  variance: number;
  influences: Map<string, number>;
}
