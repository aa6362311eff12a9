/**
 * Variance of AUCs measured on the same images, and covariance between them.
 * DeLong, DeLong & Clarke-Pearson, Biometrics 1988; fast mid-rank algorithm: Sun & Xu, IEEE Signal Processing
 * Letters 2014. Images of one group (patient, lesion) are not independent: with groups the components are summed
 * a group first (Obuchowski, Biometrics 1997), which is DeLong's formula again when each image is its own group.
 */
import { DataError } from 'graft-torch/base';
import { normalCdf, normalQuantile } from './distributions.js';
import { effectiveSize, groupIndex } from './groups.js';
import { checkBinary, midRanks, type Numbers } from './roc.js';

export interface Interval {
  low: number;
  high: number;
}

export interface AucCovariance {
  /** One AUC a model. */
  aucs: number[];
  /** `[models][models]`: variances on the diagonal. */
  covariance: number[][];
  /** Images of each group that has any: of positives, of negatives. */
  groupSizes: [positives: number[], negatives: number[]];
  /** Of each model what each group adds to its AUC, as positives and as negatives: the deviation from the mean, 0 in sum. */
  influences: Float64Array[];
}

/**
 * Structural components: for each positive the share of negatives it beats, for each negative the share of
 * positives that beat it, in the order of the images. Their means are the AUC.
 */
export function structuralComponents(
  labels: Numbers,
  scores: Numbers,
): { auc: number; components: Float64Array } {
  const { positives, negatives } = checkBinary(labels, scores);
  const positiveScores = new Float64Array(positives);
  const negativeScores = new Float64Array(negatives);
  for (let i = 0, p = 0, n = 0; i < labels.length; i++) {
    if (labels[i] === 1) positiveScores[p++] = scores[i]!;
    else negativeScores[n++] = scores[i]!;
  }
  const ranks = midRanks(scores);
  const positiveRanks = midRanks(positiveScores);
  const negativeRanks = midRanks(negativeScores);
  const components = new Float64Array(labels.length);
  let sum = 0;
  for (let i = 0, p = 0, n = 0; i < labels.length; i++) {
    if (labels[i] === 1) {
      components[i] = (ranks[i]! - positiveRanks[p++]!) / negatives;
      sum += components[i]!;
    } else {
      components[i] = 1 - (ranks[i]! - negativeRanks[n++]!) / positives;
    }
  }
  return { auc: sum / positives, components };
}

/**
 * AUCs of several models on the same images and their covariance matrix.
 * @param scores one array a model, each in the order of `labels`.
 * @param options.groups one name an image; images of one group may be correlated.
 * @param options.orUnknown covariances are NaN instead where they cannot be estimated
 * @throws DataError where a class has fewer than two groups: no variance can be estimated.
 */
export function aucCovariance(
  labels: Numbers,
  scores: readonly Numbers[],
  { groups, orUnknown = false }: { groups?: readonly string[]; orUnknown?: boolean } = {},
): AucCovariance {
  const { index, size } = groupIndex(labels.length, groups);
  const positiveCounts = new Float64Array(size);
  const negativeCounts = new Float64Array(size);
  for (let i = 0; i < labels.length; i++) {
    if (labels[i] === 1) positiveCounts[index[i]!]! += 1;
    else negativeCounts[index[i]!]! += 1;
  }
  let positiveGroups = 0;
  let negativeGroups = 0;
  let positives = 0;
  for (let g = 0; g < size; g++) {
    if (positiveCounts[g]! > 0) positiveGroups++;
    if (negativeCounts[g]! > 0) negativeGroups++;
    positives += positiveCounts[g]!;
  }
  const negatives = labels.length - positives;
  const models = scores.map((modelScores) => {
    const { auc, components } = structuralComponents(labels, modelScores);
    // Deviations summed a group, divided by the class size: the influence of the group on the AUC.
    const positive = new Float64Array(size);
    const negative = new Float64Array(size);
    for (let i = 0; i < labels.length; i++) {
      const target = labels[i] === 1 ? positive : negative;
      target[index[i]!]! += (components[i]! - auc) / (labels[i] === 1 ? positives : negatives);
    }
    return { auc, positive, negative };
  });
  const known = positiveGroups >= 2 && negativeGroups >= 2;
  if (!known && !orUnknown) {
    throw new DataError(
      `An interval of the AUC needs two groups of each class at least; got ${positiveGroups} positive and ` +
        `${negativeGroups} negative. Use a larger test split.`,
    );
  }
  const positiveFactor = positiveGroups / (positiveGroups - 1);
  const negativeFactor = negativeGroups / (negativeGroups - 1);
  const crossFactor = size / (size - 1);
  const covariance = models.map((a) =>
    models.map((b) => {
      if (!known) return Number.NaN;
      let positive = 0;
      let negative = 0;
      let cross = 0;
      for (let g = 0; g < size; g++) {
        positive += a.positive[g]! * b.positive[g]!;
        negative += a.negative[g]! * b.negative[g]!;
        cross += a.positive[g]! * b.negative[g]! + a.negative[g]! * b.positive[g]!;
      }
      return positive * positiveFactor + negative * negativeFactor + cross * crossFactor;
    }),
  );
  const present = (counts: Float64Array): number[] => [...counts].filter((count) => count > 0);
  return {
    aucs: models.map((model) => model.auc),
    covariance,
    groupSizes: [present(positiveCounts), present(negativeCounts)],
    influences: models.map(({ positive, negative }) => Float64Array.of(...positive, ...negative)),
  };
}

export interface AucIntervalOptions {
  /** Coverage, .95 unless told. */
  level?: number;
  /** 'logit' keeps the interval inside (0, 1) and holds its level near the ends; 'plain' is pROC's default. */
  scale?: 'logit' | 'plain';
  /** Number of independent positives or negatives, whichever is smaller; used where the variance is zero. */
  smallerClass?: number;
}

/** Interval of one AUC from its variance by the normal distribution. */
export function aucInterval(auc: number, variance: number, options: AucIntervalOptions = {}): Interval {
  const half = normalQuantile(0.5 + (options.level ?? 0.95) / 2) * Math.sqrt(Math.max(0, variance));
  return intervalAround(auc, half, options);
}

/**
 * Interval of an AUC from the half width it has on the plain scale. A perfect separation has variance zero, which
 * would claim certainty: then, with n independent disjoint positive–negative pairs all in order, the exact
 * (Clopper–Pearson) bound (α/2)^(1/n) is given instead; without `smallerClass` the whole of [0, 1].
 */
export function intervalAround(auc: number, half: number, options: AucIntervalOptions = {}): Interval {
  const { level = 0.95, scale = 'logit', smallerClass } = options;
  // A perfect separation may also be a rounding error away from 0 or 1.
  if (auc < 1e-9 || auc > 1 - 1e-9) {
    const bound = smallerClass ? ((1 - level) / 2) ** (1 / smallerClass) : 0;
    return auc > 0.5 ? { low: bound, high: 1 } : { low: 0, high: 1 - bound };
  }
  if (scale === 'plain') return { low: Math.max(0, auc - half), high: Math.min(1, auc + half) };
  const centre = Math.log(auc / (1 - auc));
  const spread = half / (auc * (1 - auc));
  return { low: 1 / (1 + Math.exp(spread - centre)), high: 1 / (1 + Math.exp(-spread - centre)) };
}

export interface DelongTest extends Interval {
  /** AUC of the first model minus AUC of the second. */
  difference: number;
  standardError: number;
  z: number;
  /** Two-sided. */
  p: number;
}

/**
 * Paired comparison of two models on the same images: is the difference of their AUCs more than the choice of
 * test images explains? It treats both trained models as given; training chance is not in it.
 */
export function delongTest(
  labels: Numbers,
  [first, second]: readonly [Numbers, Numbers],
  options: { groups?: readonly string[]; level?: number } = {},
): DelongTest {
  return delongDifference(
    aucCovariance(labels, [first, second], { groups: options.groups }),
    [0, 1],
    options.level,
  );
}

/**
 * The same for two of several models whose covariance was measured. Where the two rank every image alike, or without any
 * error, the variance is 0 and would claim certainty; where it is not known, too, the standard error is 1 / (G + 2), as if one further group of the G
 * effective ones (of the class that has fewer) were ranked otherwise (Agresti & Min, Stat. Med. 2005).
 * @param models first and second
 */
export function delongDifference(
  { aucs, covariance, groupSizes }: AucCovariance,
  [first, second]: readonly [number, number],
  level = 0.95,
): DelongTest {
  const difference = aucs[first]! - aucs[second]!;
  const variance =
    covariance[first]![first]! + covariance[second]![second]! - 2 * covariance[first]![second]!;
  // Equal rankings leave only rounding noise.
  const standardError = !(variance >= 1e-18)
    ? 1 / (Math.min(...groupSizes.map(effectiveSize)) + 2)
    : Math.sqrt(variance);
  const z = difference / standardError;
  const p = Math.min(1, 2 * normalCdf(-Math.abs(z)));
  const half = normalQuantile(0.5 + level / 2) * standardError;
  return {
    difference,
    standardError,
    z,
    p,
    low: Math.max(-1, difference - half),
    high: Math.min(1, difference + half),
  };
}
